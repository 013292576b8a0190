// SPDX-License-Identifier: GPL-2.0-only
//! Standard input of a program in the guest, read from a source of the host by a
//! thread of its own: a terminal may be silent for hours.

use crate::Waker;
use std::io::Read;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Bytes that are read at once.
const PORTION: usize = 64 << 10;

/// The input of one program.
pub(crate) struct Input {
    wanted: Sender<()>,
    portions: Receiver<Vec<u8>>,
}

impl Input {
    /// Read `source`, a portion for each [`Input::want`], and call `wake` for each
    /// portion. An unreadable source is one that has ended.
    pub(crate) fn new(mut source: Box<dyn Read + Send>, wake: Waker) -> Self {
        let (wanted, wants) = channel();
        let (to, portions) = channel();
        thread::spawn(move || {
            let mut buffer = vec![0; PORTION];
            for () in wants {
                let length = source.read(&mut buffer).unwrap_or(0);
                if to.send(buffer[..length].to_owned()).is_err() {
                    return;
                }
                wake();
                if length == 0 {
                    return;
                }
            }
        });
        Self { wanted, portions }
    }

    /// Ask for a portion. False: the source has ended.
    pub(crate) fn want(&mut self) -> bool {
        self.wanted.send(()).is_ok()
    }

    /// A portion that has arrived; an empty one is the end.
    pub(crate) fn arrived(&mut self) -> Option<Vec<u8>> {
        self.portions.try_recv().ok()
    }
}
