//! Records that no client would send, written to the broker byte by byte: clients take the name of a header for text.
//!
//! One `Produce` request (version 3) with one batch (format 2) of one record, as Kafka's protocol guide has them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::client::Plain;

/// Name and value of a header.
pub(crate) type Header<'a> = (&'a [u8], &'a [u8]);

/// Sends a record with these headers to the one broker there is, and waits until it has it.
pub(crate) fn produce(broker: &str, topic: &str, record: &Plain, headers: &[Header<'_>]) {
    let batch = batch(record, headers);
    let mut request = Vec::new();
    request.extend([0, 0, 0, 3]); // Produce, version 3
    request.extend(1_i32.to_be_bytes()); // the number of the request
    request.extend((-1_i16).to_be_bytes()); // no name of a client
    request.extend((-1_i16).to_be_bytes()); // no transaction
    request.extend((-1_i16).to_be_bytes()); // acknowledged by all
    request.extend(30_000_i32.to_be_bytes());
    request.extend(1_i32.to_be_bytes()); // one topic
    request.extend(i16::try_from(topic.len()).unwrap().to_be_bytes());
    request.extend(topic.as_bytes());
    request.extend(1_i32.to_be_bytes()); // one partition
    request.extend(record.partition.to_be_bytes());
    sized(&mut request, &batch);
    let mut broker = TcpStream::connect(broker).unwrap();
    let mut frame = Vec::new();
    sized(&mut frame, &request);
    broker.write_all(&frame).unwrap();
    // Size, number, topics, the topic's name, partitions, the partition: then the error code.
    let mut answer = vec![0; 4 + 4 + 4 + 2 + topic.len() + 4 + 4 + 2];
    broker.read_exact(&mut answer).unwrap();
    assert!(answer.ends_with(&[0, 0]), "the broker refuses: {answer:?}");
}

fn batch(record: &Plain, headers: &[Header<'_>]) -> Vec<u8> {
    let mut checked = Vec::new();
    checked.extend(0_i16.to_be_bytes()); // not compressed
    checked.extend(0_i32.to_be_bytes()); // one record, the last of them
    checked.extend([0; 16]); // times: the broker writes its own
    checked.extend([0xff; 14]); // no producer, no epoch, no sequence
    checked.extend(1_i32.to_be_bytes());
    let record = written(record, headers);
    varint(&mut checked, record.len());
    checked.extend(&record);
    let mut batch = vec![0xff; 4]; // no leader's epoch
    batch.push(2);
    batch.extend(crc32c(&checked).to_be_bytes());
    batch.extend(&checked);
    let mut whole = vec![0; 8];
    sized(&mut whole, &batch);
    whole
}

fn written(record: &Plain, headers: &[Header<'_>]) -> Vec<u8> {
    let mut written = vec![0, 0, 0]; // attributes; no time and no offset from those of the batch
    for part in [&record.key, &record.value] {
        counted(&mut written, part.as_deref().unwrap());
    }
    varint(&mut written, headers.len());
    for (name, value) in headers {
        counted(&mut written, name);
        counted(&mut written, value);
    }
    written
}

fn sized(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend(i32::try_from(bytes.len()).unwrap().to_be_bytes());
    to.extend(bytes);
}

fn counted(to: &mut Vec<u8>, bytes: &[u8]) {
    varint(to, bytes.len());
    to.extend(bytes);
}

/// Seven bits a byte, the lowest first; twice the number, for the last bit is its sign.
fn varint(to: &mut Vec<u8>, number: usize) {
    let mut left = number * 2;
    while left > 0x7f {
        to.push(left.to_le_bytes()[0] | 0x80);
        left >>= 7;
    }
    to.push(left.to_le_bytes()[0]);
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1));
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(!0, byte)
}
