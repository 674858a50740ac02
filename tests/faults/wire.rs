//! The wire between clients and a broker, on which the end of a transaction can be kept back and delivered late.
//!
//! It listens on a port that the broker advertises as its own, so that every request passes here. Frames are passed on
//! as they are; of a request only its kind and number are read.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use waymark_testkit::until;

use crate::deployment::LONG;

/// `EndTxn`: the request that commits or aborts a transaction.
const END_TRANSACTION: [u8; 2] = 26_i16.to_be_bytes();

/// What to do with the next end of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trick {
    /// It passes, its answer is lost with the connection. A copy is kept.
    LoseAnswer,
    /// It does not pass: nobody but [`Wire::deliver`] brings it to the broker.
    Hold,
}

/// A proxy in front of one broker. It lives as long as the test process.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Shared>);

struct Shared {
    port: u16,
    broker: OnceLock<String>,
    trick: Mutex<Option<Trick>>,
    kept: Mutex<Option<Vec<u8>>>,
}

impl Wire {
    /// Listens; connections wait until the broker is known.
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Self(Arc::new(Shared {
            port: listener.local_addr().unwrap().port(),
            broker: OnceLock::new(),
            trick: Mutex::new(None),
            kept: Mutex::new(None),
        }));
        let shared = Arc::clone(&wire.0);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.connect(client));
            }
        });
        wire
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.0.port)
    }

    /// Leads to this broker from now on.
    pub(crate) fn lead_to(&self, broker: &str) {
        self.0.broker.set(broker.to_owned()).unwrap();
    }

    /// Plays a trick on the next transaction that ends, and waits until it has.
    pub(crate) fn play(&self, trick: Trick) {
        *self.0.trick.lock().unwrap() = Some(trick);
        let played = until(LONG, || self.0.kept.lock().unwrap().is_some().then_some(()));
        assert!(played.is_some(), "no transaction ended");
    }

    /// Brings what was kept to the broker at last; returns the error code of its answer.
    pub(crate) fn deliver(&self) -> i16 {
        let request = self.0.kept.lock().unwrap().take().unwrap();
        let mut broker = TcpStream::connect(self.0.broker.wait()).unwrap();
        broker.write_all(&request).unwrap();
        let answer = frame(&mut broker).unwrap();
        // Size, number of the request, throttling: 4 bytes each.
        i16::from_be_bytes(answer[12..14].try_into().unwrap())
    }
}

impl Shared {
    fn connect(self: Arc<Self>, mut client: TcpStream) {
        let Ok(mut broker) = TcpStream::connect(self.broker.wait()) else {
            return;
        };
        let lost = Arc::new(OnceLock::new());
        let answers = {
            let (client, broker, lost) =
                (client.try_clone(), broker.try_clone(), Arc::clone(&lost));
            thread::spawn(move || pass_answers(broker?, client?, &lost))
        };
        while let Ok(request) = frame(&mut client) {
            let ends = request[4..6] == END_TRANSACTION;
            let trick = ends.then(|| self.trick.lock().unwrap().take()).flatten();
            if trick == Some(Trick::LoseAnswer) {
                lost.get_or_init(|| request[8..12].to_vec());
            }
            let passed = trick == Some(Trick::Hold) || broker.write_all(&request).is_ok();
            if trick.is_some() {
                *self.kept.lock().unwrap() = Some(request);
            }
            if !passed {
                break;
            }
        }
        drop(broker.shutdown(Shutdown::Both));
        drop(answers.join());
        drop(client.shutdown(Shutdown::Both));
    }
}

/// Passes answers on until one comes that is to be lost.
fn pass_answers(
    mut broker: TcpStream,
    mut client: TcpStream,
    lost: &OnceLock<Vec<u8>>,
) -> io::Result<()> {
    loop {
        let answer = frame(&mut broker)?;
        if lost.get().is_some_and(|number| answer[4..8] == number[..]) {
            return client.shutdown(Shutdown::Both);
        }
        client.write_all(&answer)?;
    }
}

/// Reads a request or an answer with its size in front.
fn frame(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    from.read_exact(&mut frame)?;
    let size = u32::from_be_bytes(frame[..4].try_into().unwrap());
    frame.resize(4 + size as usize, 0);
    from.read_exact(&mut frame[4..])?;
    Ok(frame)
}
