"""Does what the commands of `waymark acls print` ask `kafka-acls.sh` for; they are read from standard input.

    acls.py BOOTSTRAP [grant|revoke]

Understands the flags that these commands have and no others, so a misspelt one fails.
"""

import argparse
import shlex
import sys

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}

flags = argparse.ArgumentParser(allow_abbrev=False)
flags.add_argument("--bootstrap-server", required=True)
flags.add_argument("--add", action="store_true", required=True)
flags.add_argument("--allow-principal", required=True)
flags.add_argument("--operation", action="append", choices=OPERATIONS, required=True)
flags.add_argument("--resource-pattern-type", choices=["literal", "prefixed"], default="literal")
what = flags.add_mutually_exclusive_group(required=True)
what.add_argument("--topic")
what.add_argument("--group")
what.add_argument("--transactional-id")
what.add_argument("--cluster", action="store_true")


def resource(asked):
    if asked.cluster:
        return ResourceType.BROKER, "kafka-cluster"
    if asked.topic:
        return ResourceType.TOPIC, asked.topic
    if asked.group:
        return ResourceType.GROUP, asked.group
    return ResourceType.TRANSACTIONAL_ID, asked.transactional_id


def bindings(kind):
    for line in sys.stdin:
        words = shlex.split(line, comments=True)
        if not words:
            continue
        assert words[0] == "kafka-acls.sh", line
        asked = flags.parse_args(words[1:])
        pattern = ResourcePatternType[asked.resource_pattern_type.upper()]
        for operation in asked.operation:
            yield kind(
                *resource(asked), pattern, asked.allow_principal, "*", OPERATIONS[operation], AclPermissionType.ALLOW
            )


bootstrap, do = sys.argv[1:]
admin = AdminClient({"bootstrap.servers": bootstrap})
if do == "grant":
    done = admin.create_acls(list(bindings(AclBinding)))
else:
    done = admin.delete_acls(list(bindings(AclBindingFilter)))
for future in done.values():
    future.result()
print(len(done))
