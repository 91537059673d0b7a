//! The PyTorch side as a child process: one line of JSON in each direction.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// Errors of a benchmark run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The filter matches no workload.
    #[error("no workload has `{0}` in its name (see --list)")]
    NoWorkload(String),
    /// A program could not be started, or failed.
    #[error("{program}: {reason}")]
    Program {
        /// The program.
        program: String,
        /// Why it failed.
        reason: String,
    },
    /// The child violated the protocol, or exited.
    #[error("PyTorch's side answered `{answer}` to `{request}`")]
    Protocol {
        /// The request.
        request: String,
        /// The answer.
        answer: String,
    },
    /// The table could not be printed.
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
    /// The child reports that the workload failed there.
    #[error("PyTorch: {0}")]
    Torch(String),
}

/// The client side of the protocol, over any pair of pipes.
pub(crate) struct Torch<R, W> {
    /// How this process was started: "as installed" or "mapped memory".
    pub setting: &'static str,
    answers: R,
    requests: W,
}

impl<R: BufRead, W: Write> Torch<R, W> {
    fn ask(&mut self, request: Value) -> Result<Value, Error> {
        let text = request.to_string();
        let failed = |answer: String| Error::Protocol { request: text.clone(), answer };
        writeln!(self.requests, "{text}").and_then(|()| self.requests.flush()).map_err(|e| failed(e.to_string()))?;
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(0) => return Err(failed("nothing: it has ended".into())),
            Ok(_) => {}
            Err(e) => return Err(failed(e.to_string())),
        }
        let answer: Value = serde_json::from_str(&line).map_err(|_| failed(line.trim().into()))?;
        match answer.get("error") {
            Some(error) => Err(Error::Torch(error.as_str().unwrap_or("unknown error").into())),
            None => Ok(answer),
        }
    }

    fn number(&mut self, request: Value, key: &str) -> Result<f64, Error> {
        let answer = self.ask(request.clone())?;
        let number = answer.get(key).and_then(Value::as_f64);
        number.ok_or_else(|| Error::Protocol { request: request.to_string(), answer: answer.to_string() })
    }

    /// Version, threads and instruction set.
    pub(crate) fn describe(&mut self) -> Result<String, Error> {
        let info = self.ask(json!({"cmd": "info"}))?;
        let text = |key| info[key].as_str().unwrap_or("?").to_owned();
        Ok(format!("PyTorch {}, {} threads, {}", text("torch"), info["threads"], text("capability")))
    }

    /// PyTorch's memory layouts of this workload; empty if it has no such workload.
    pub(crate) fn variants(&mut self, workload: &str) -> Result<Vec<String>, Error> {
        let answer = self.ask(json!({"cmd": "variants", "workload": workload}))?;
        let list = answer["variants"].as_array().cloned().unwrap_or_default();
        Ok(list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect())
    }

    /// Builds the workload and warms it up.
    pub(crate) fn prepare(&mut self, workload: &str, variant: &str) -> Result<(), Error> {
        self.ask(json!({"cmd": "prepare", "workload": workload, "variant": variant})).map(drop)
    }

    /// Median seconds per step, measured over about `seconds`.
    pub(crate) fn round(&mut self, workload: &str, variant: &str, seconds: f64) -> Result<f64, Error> {
        self.number(json!({"cmd": "round", "workload": workload, "variant": variant, "seconds": seconds}), "seconds")
    }

    /// The sum of the result of the first step after `manual_seed(0)`.
    pub(crate) fn check(&mut self, workload: &str) -> Result<f64, Error> {
        self.number(json!({"cmd": "check", "workload": workload}), "value")
    }

    /// Frees the workload; returns the peak of resident memory since it was prepared, if the system reports it.
    pub(crate) fn finish(&mut self, workload: &str, variant: &str) -> Result<Option<f64>, Error> {
        let answer = self.ask(json!({"cmd": "drop", "workload": workload, "variant": variant}))?;
        Ok(answer["peak_memory"].as_f64())
    }
}

/// A running Python process. Dropping it ends the process.
pub(crate) struct Process {
    child: Child,
    torch: Option<Torch<BufReader<ChildStdout>, ChildStdin>>,
}

impl std::ops::Deref for Process {
    type Target = Torch<BufReader<ChildStdout>, ChildStdin>;
    fn deref(&self) -> &Self::Target {
        self.torch.as_ref().expect("only drop takes it")
    }
}

impl std::ops::DerefMut for Process {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.torch.as_mut().expect("only drop takes it")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.torch = None; // closes its input, so that it exits
        let _ = self.child.wait();
    }
}

/// Starts PyTorch with default settings, and once more with its memory kept mapped.
pub(crate) fn both_settings(python: &Path, threads: usize) -> Result<Vec<Process>, Error> {
    let mapped = [("MALLOC_MMAP_THRESHOLD_", "2000000000"), ("MALLOC_TRIM_THRESHOLD_", "4000000000")];
    Ok(vec![start(python, threads, "as installed", &[])?, start(python, threads, "mapped memory", &mapped)?])
}

fn start(python: &Path, threads: usize, setting: &'static str, env: &[(&str, &str)]) -> Result<Process, Error> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("torch/bench.py");
    let failed = |reason: String| Error::Program { program: python.display().to_string(), reason };
    let mut child = Command::new(python)
        .arg(script)
        .args(["--threads", &threads.to_string()])
        .env("OMP_NUM_THREADS", threads.to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| failed(e.to_string()))?;
    let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed("it has no pipes".into()));
    };
    let torch = Some(Torch { setting, answers: BufReader::new(answers), requests });
    Ok(Process { child, torch })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A conversation with prepared answers.
    pub(crate) fn scripted(answers: &str) -> Torch<&[u8], Vec<u8>> {
        Torch { setting: "scripted", answers: answers.as_bytes(), requests: Vec::new() }
    }

    #[test]
    fn a_conversation() {
        let mut torch = scripted(concat!(
            "{\"torch\": \"2.15.0\", \"threads\": 2, \"capability\": \"AVX512\"}\n",
            "{\"variants\": [\"nchw\", \"channels_last\"]}\n{}\n{\"seconds\": 0.25, \"steps\": 8}\n{\"peak_memory\": null}\n",
        ));
        assert_eq!(torch.describe().unwrap(), "PyTorch 2.15.0, 2 threads, AVX512");
        assert_eq!(torch.variants("conv").unwrap(), ["nchw", "channels_last"]);
        torch.prepare("conv", "nchw").unwrap();
        assert_eq!(torch.round("conv", "nchw", 0.5).unwrap(), 0.25);
        assert_eq!(torch.finish("conv", "nchw").unwrap(), None);
        let asked = String::from_utf8(torch.requests).unwrap();
        let lines: Vec<Value> = asked.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines[3], json!({"cmd": "round", "workload": "conv", "variant": "nchw", "seconds": 0.5}));
    }

    #[test]
    fn bad_answers_are_errors() {
        assert!(matches!(scripted("").describe(), Err(Error::Protocol { .. })));
        assert!(matches!(scripted("Traceback\n").describe(), Err(Error::Protocol { .. })));
        assert!(matches!(scripted("{}\n").round("a", "b", 1.0), Err(Error::Protocol { .. })));
        let error = scripted("{\"error\": \"KeyError: 'x'\"}\n").prepare("a", "b").unwrap_err();
        assert_eq!(error.to_string(), "PyTorch: KeyError: 'x'");
    }

    #[test]
    fn a_python_that_is_not_there_is_an_error() {
        let error = both_settings(Path::new("/nowhere/python"), 2).err().unwrap();
        assert!(error.to_string().starts_with("/nowhere/python: "), "{error}");
    }
}
