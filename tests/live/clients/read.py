"""Reads a topic to its end as a stock subscriber would, and prints each record as a line of JSON.

    read.py BOOTSTRAP TOPIC [REGISTRY]

Knows of the registry what any client of Confluent's knows, and of records what the CloudEvents SDK knows. Times are printed
in milliseconds.
"""

import json
import sys
from datetime import date, datetime

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import Consumer, KafkaError
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext


def records(consumer, topic):
    consumer.subscribe([topic])
    partitions = len(consumer.list_topics(topic).topics[topic].partitions)
    ended = set()
    while len(ended) < partitions:
        record = consumer.poll(1.0)
        if record is None:
            continue
        if record.error() is None:
            yield record
        elif record.error().code() == KafkaError._PARTITION_EOF:
            ended.add(record.partition())
        else:
            raise RuntimeError(record.error())


def plain(value):
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value))


bootstrap, topic, *registry = sys.argv[1:]
avro = AvroDeserializer(SchemaRegistryClient({"url": registry[0]})) if registry else None
consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"{topic}-python", "auto.offset.reset": "earliest",
                     "isolation.level": "read_committed", "enable.auto.commit": False, "enable.partition.eof": True})
for record in records(consumer, topic):
    line = {"key": record.key().decode()}
    if record.headers():
        event = from_binary(KafkaMessage(dict(record.headers()), record.key(), record.value()), JSONFormat())
        line["event"] = event.get_attributes()
        line["value"] = event.get_data()
    if avro:
        line["value"] = avro(record.value(), SerializationContext(topic, MessageField.VALUE))
    print(json.dumps(line, default=plain))
consumer.close()
