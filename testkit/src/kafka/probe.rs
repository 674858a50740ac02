//! The one question the kit asks a broker: which brokers do you know?
//!
//! Written by hand, in the oldest form that brokers still speak (Metadata, version 1), so that the kit needs no client.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Enough for an idle broker many times over; a busy one is asked again.
const LIMIT: Duration = Duration::from_secs(2);

/// An answer about a handful of brokers is some hundred bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Size, Metadata (3), version 1, correlation 7, client id `kit`, no topics.
const REQUEST: &[u8] = b"\0\0\0\x11\0\x03\0\x01\0\0\0\x07\0\x03kit\0\0\0\0";

/// Asks the broker on `port` of 127.0.0.1 for the ids of all brokers that are registered and alive.
pub(super) fn brokers_known_at(port: u16) -> io::Result<BTreeSet<i32>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(REQUEST)?;
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = usize::try_from(i32::from_be_bytes(size)).unwrap_or(usize::MAX);
    if size > ANSWER_BYTES_MAX {
        return Err(io::Error::other("no answer of a Kafka broker"));
    }
    let mut answer = vec![0; size];
    stream.read_exact(&mut answer)?;
    brokers_of(&answer).ok_or_else(|| io::Error::other("the answer ends in the middle"))
}

/// Reads correlation, then of each broker: id, host, port, rack. What follows does not matter here.
fn brokers_of(mut answer: &[u8]) -> Option<BTreeSet<i32>> {
    let _correlation = int32(&mut answer)?;
    let count = int32(&mut answer)?;
    (0..count)
        .map(|_| {
            let id = int32(&mut answer)?;
            skip_string(&mut answer)?;
            let _port = int32(&mut answer)?;
            skip_string(&mut answer)?;
            Some(id)
        })
        .collect()
}

fn int32(bytes: &mut &[u8]) -> Option<i32> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(i32::from_be_bytes(*number))
}

/// Skips a length of two bytes and as many bytes; a length of -1 stands for null.
fn skip_string(bytes: &mut &[u8]) -> Option<()> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(i16::from_be_bytes(*length)).unwrap_or(0);
    *bytes = rest.get(length..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Correlation 7, two brokers, the second with a rack.
    const ANSWER: &[u8] = b"\0\0\0\x07\0\0\0\x02\
        \0\0\0\x01\0\x01h\0\0\x23\x84\xff\xff\
        \0\0\0\x02\0\x01h\0\0\x23\x85\0\x01r\
        \0\0\0\x01\0\0\0\0";

    #[test]
    fn an_answer_tells_the_ids_of_its_brokers() {
        assert_eq!(brokers_of(ANSWER), Some(BTreeSet::from([1, 2])));
    }

    #[test]
    fn an_answer_cut_short_is_no_answer() {
        assert_eq!(brokers_of(&ANSWER[..20]), None);
        assert_eq!(brokers_of(b""), None);
    }

    #[test]
    fn the_request_says_its_own_size() {
        assert_eq!(REQUEST.len(), 4 + usize::from(REQUEST[3]));
    }
}
