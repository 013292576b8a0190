// SPDX-License-Identifier: GPL-2.0-only
//! A model in several files, as those of neural networks are kept: each begins
//! with the length of a JSON header that names its tensors and where their bytes
//! are. Loaders map the files and copy the tensors by name.

use super::content::{Sum, word};
use super::{Map, ToolError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Files of a model.
const FILES: usize = 4;
/// Layers, in the order of their number from file to file.
const LAYERS: usize = 64;
/// A layer's tensors in the order of the computation, KiB.
const LAYER: [(&str, usize); 9] = [
    ("input_layernorm", 4),
    ("self_attn.q_proj", 512),
    ("self_attn.k_proj", 512),
    ("self_attn.v_proj", 512),
    ("self_attn.o_proj", 512),
    ("post_attention_layernorm", 4),
    ("mlp.gate_proj", 1280),
    ("mlp.up_proj", 1280),
    ("mlp.down_proj", 1280),
];

/// A tensor in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<usize>,
    /// From and to, bytes after the header.
    data_offsets: [usize; 2],
    /// What its bytes sum up to.
    sum: String,
}

type Header = BTreeMap<String, Tensor>;

/// `model-make FOLDER`
pub(super) fn make_command(arguments: &[String]) -> Result<String, ToolError> {
    let [dir] = arguments else { return Err(ToolError::usage("model-make FOLDER")) };
    let bytes = make(Path::new(dir), LAYERS)?;
    Ok(format!("made {bytes} bytes"))
}

/// `model-load FOLDER LAYERS`: those of the first so many layers by name, which
/// is not by number.
pub(super) fn load_command(arguments: &[String]) -> Result<String, ToolError> {
    let usage = || ToolError::usage("model-load FOLDER LAYERS");
    let [dir, layers] = arguments else { return Err(usage()) };
    let layers = layers.parse().map_err(|_| usage())?;
    let start = Instant::now();
    let loaded = load(Path::new(dir), layers)?;
    let ns = start.elapsed().as_nanos();
    let Loaded { tensors, bytes, sum } = loaded;
    Ok(format!("tensors {tensors} ns {ns} bytes {bytes} sum {}", sum.text()))
}

fn name_of(layer: usize, part: &str) -> String {
    format!("model.layers.{layer}.{part}.weight")
}

fn path_of(dir: &Path, file: usize) -> PathBuf {
    dir.join(format!("model-{:05}-of-{FILES:05}.safetensors", file + 1))
}

fn make(dir: &Path, layers: usize) -> Result<usize, ToolError> {
    let mut written = 0;
    for file in 0..FILES {
        let (mut header, mut at) = (Header::new(), 0);
        let numbers = (layers * file / FILES)..(layers * (file + 1) / FILES);
        let tensors: Vec<_> = numbers
            .flat_map(|layer| LAYER.iter().enumerate().map(move |(n, part)| (layer, n, part)))
            .map(|(layer, n, (part, kib))| (name_of(layer, part), kib << 10, layer * 100 + n))
            .collect();
        for (name, len, seed) in &tensors {
            let mut sum = Sum::default();
            (0..len / 8).for_each(|index| sum.one(word(*seed as u64, index as u64)));
            let data_offsets = [at, at + len];
            at += len;
            let dtype = "BF16".to_owned();
            let tensor = Tensor { dtype, shape: vec![len / 2], data_offsets, sum: sum.text() };
            header.insert(name.clone(), tensor);
        }
        let mut text = serde_json::to_string(&header).map_err(|e| ToolError(e.to_string()))?;
        // Headers are filled up so that the data is aligned to words.
        text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(8) - text.len()));
        let path = path_of(dir, file);
        let mut out = BufWriter::new(File::create(&path).map_err(ToolError::io("create", &path))?);
        let mut write = |bytes: &[u8]| out.write_all(bytes).map_err(ToolError::io("write", &path));
        write(&(text.len() as u64).to_le_bytes())?;
        write(text.as_bytes())?;
        for (_, len, seed) in &tensors {
            for index in 0..len / 8 {
                write(&word(*seed as u64, index as u64).to_le_bytes())?;
            }
        }
        out.flush().map_err(ToolError::io("write", &path))?;
        written += at;
    }
    Ok(written)
}

/// What was loaded.
#[derive(Debug, PartialEq, Eq)]
struct Loaded {
    tensors: usize,
    bytes: usize,
    sum: Sum,
}

fn load(dir: &Path, layers: usize) -> Result<Loaded, ToolError> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .map_err(ToolError::io("read", dir))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
        .collect();
    files.sort();
    let maps = files.iter().map(|path| Map::new(path)).collect::<Result<Vec<_>, _>>()?;
    let mut tensors: BTreeMap<String, (&[u8], String)> = BTreeMap::new();
    for (map, path) in maps.iter().zip(&files) {
        let wrong = || ToolError(format!("{} is no file of a model", path.display()));
        let (len, rest) = map.bytes().split_first_chunk::<8>().ok_or_else(wrong)?;
        let len = usize::try_from(u64::from_le_bytes(*len)).map_err(|_| wrong())?;
        let (header, data) = rest.split_at_checked(len).ok_or_else(wrong)?;
        let header: Header = serde_json::from_slice(header).map_err(|_| wrong())?;
        for (name, tensor) in header {
            let [from, to] = tensor.data_offsets;
            let bytes = data.get(from..to).ok_or_else(wrong)?;
            tensors.insert(name, (bytes, tensor.sum));
        }
    }
    let wanted: Vec<_> = tensors.iter().take(layers * LAYER.len()).collect();
    let mut loaded = Loaded { tensors: 0, bytes: 0, sum: Sum::default() };
    for (name, (bytes, right)) in wanted {
        let mut sum = Sum::default();
        sum.add(bytes);
        if sum.text() != *right {
            return Err(ToolError(format!("the bytes of {name} are not the right ones")));
        }
        loaded.tensors += 1;
        loaded.bytes += bytes.len();
        loaded.sum.add(right.as_bytes());
    }
    if loaded.tensors < layers * LAYER.len() {
        return Err(ToolError(format!("the model has only {} tensors", loaded.tensors)));
    }
    Ok(loaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_loaded_by_name_and_checked() {
        let dir = tempfile::tempdir().unwrap();
        let layer: usize = LAYER.iter().map(|(_, kib)| kib << 10).sum();
        assert_eq!(make(dir.path(), 4).unwrap(), 4 * layer);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), FILES);
        let two = load(dir.path(), 2).unwrap();
        assert_eq!((two.tensors, two.bytes), (2 * LAYER.len(), 2 * layer));
        assert_ne!(load(dir.path(), 4).unwrap().sum, two.sum);
        assert!(load(dir.path(), 5).unwrap_err().0.contains("only 36 tensors"));
        // By name, the tensors are not in the order of the file.
        let names: Vec<_> = LAYER.iter().map(|(part, _)| *part).collect();
        assert!(!names.is_sorted());
        let path = path_of(dir.path(), 0);
        let mut bytes = fs::read(&path).unwrap();
        let end = bytes.len() - 100;
        bytes[end] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(load(dir.path(), 1).unwrap_err().0.contains("model.layers.0.mlp.down_proj"));
        fs::write(&path, &bytes[..100]).unwrap();
        assert!(load(dir.path(), 1).unwrap_err().0.contains("no file of a model"));
    }
}
