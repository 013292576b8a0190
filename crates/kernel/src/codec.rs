// SPDX-License-Identifier: GPL-2.0-only
//! The compressions of kernels and modules, recognised by their magic.

use std::io::{self, Read};

/// A window of 128 MiB is what `zstd -22 --ultra`, with which kernels are
/// compressed, asks for; it is allocated as it fills.
const ZSTD_WINDOW: u64 = 128 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    Gzip,
    Lz4,
    Xz,
    Zstd,
}

fn sniff(data: &[u8]) -> Option<Codec> {
    [
        (&b"\x1f\x8b"[..], Codec::Gzip),
        (b"\x02\x21\x4c\x18", Codec::Lz4),
        (b"\xfd7zXZ\0", Codec::Xz),
        (b"\x28\xb5\x2f\xfd", Codec::Zstd),
    ]
    .into_iter()
    .find_map(|(magic, codec)| data.starts_with(magic).then_some(codec))
}

/// Decompress the first stream in `data`, up to `limit` bytes of what it
/// holds; `None` if `data` is in no known compression.
///
/// # Errors
/// When the stream is broken off or corrupt.
pub(crate) fn decompress(data: &[u8], limit: u64) -> Option<io::Result<Vec<u8>>> {
    let codec = sniff(data)?;
    let mut out = Vec::new();
    let read = match codec {
        Codec::Gzip => flate2::read::GzDecoder::new(data).take(limit).read_to_end(&mut out),
        Codec::Lz4 => lz4_flex::frame::FrameDecoder::new(data).take(limit).read_to_end(&mut out),
        Codec::Xz => liblzma::read::XzDecoder::new(data).take(limit).read_to_end(&mut out),
        Codec::Zstd => {
            ruzstd::decoding::StreamingDecoder::new_with_max_window_size(data, ZSTD_WINDOW)
                .map_err(io::Error::other)
                .and_then(|decoder| decoder.take(limit).read_to_end(&mut out))
        }
    };
    Some(read.map(|_| out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tests::{gzip, lz4, xz, zstd};

    #[test]
    fn every_compression_is_told_and_undone() {
        let text = b"readahead ".repeat(50_000);
        for (name, packed) in
            [("gzip", gzip(&text)), ("lz4", lz4(&text)), ("xz", xz(&text)), ("zstd", zstd(&text))]
        {
            assert!(packed.len() < text.len(), "{name}");
            let size = text.len() as u64;
            assert!(decompress(&packed, size).unwrap().unwrap() == text, "{name}");
            assert_eq!(decompress(&packed, 7).unwrap().unwrap(), b"readahe", "{name}");
            let cut = &packed[..packed.len() / 2];
            let got = decompress(cut, size).unwrap();
            assert!(got.is_err() || got.unwrap().len() < text.len(), "{name}");
        }
    }

    #[test]
    fn lz4_goes_on_after_its_first_block_and_stops_at_the_limit() {
        let text = b"readahead ".repeat(1 << 20);
        let mut packed = lz4(&text);
        packed.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        assert!(decompress(&packed, text.len() as u64).unwrap().unwrap() == text);
    }

    #[test]
    fn other_data_is_not_taken_for_compressed() {
        assert!(decompress(b"", 1).is_none());
        assert!(decompress(b"\x7fELF", 1).is_none());
    }
}
