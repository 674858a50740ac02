"""The example of docs/subscribe.md, with what it needs around it: it subscribes for ever, so whoever handles alerts says
when to stop.

    subscriber.py BOOTSTRAP ALERTS
"""

import sys

from confluent_kafka import Consumer

kafka, left = sys.argv[1], int(sys.argv[2])


def handle_once(id, value):
    global left
    print(id, value.decode(), sep="\t")
    left -= 1
    if left == 0:
        consumer.close()
        sys.exit()


# <example>
