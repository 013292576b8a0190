// SPDX-License-Identifier: GPL-2.0-only
//! A session against an agent of the same process: order, progress, failure, a lost
//! line, unknown requests, a program's conversation. No machine is booted.

use raext_guest::{ForProgram, Host, Line, Serve, Table};
use raext_model::requests::{Detach, Exec, Exit, KernelLog, PowerOff, RunProgram};
use raext_model::{End, Failure, FromAgent, Output, Program, Progress, Ran, Stream, User};
use raext_vm::machine::VmError;
use raext_vm::{Session, SessionError, Socket, Streams};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

/// The steps that a session reports.
#[derive(Default)]
struct Steps(RefCell<Vec<String>>);

impl Progress for Steps {
    fn step(&self, text: &str) {
        self.0.borrow_mut().push(text.to_owned());
    }
}

/// An agent that counts its requests.
#[derive(Default)]
struct Small {
    served: Vec<String>,
}

impl Serve<Exec> for Small {
    fn serve(&mut self, exec: Exec, host: &mut dyn Host) -> Result<Exit, Failure> {
        for arg in &exec.argv {
            host.progress(&format!("at {arg}"));
            self.served.push(arg.clone());
        }
        Ok(Exit { status: self.served.len() as i32, stdout: exec.argv.concat(), stderr: "".into() })
    }
}

impl Serve<Detach> for Small {
    fn serve(&mut self, _: Detach, _: &mut dyn Host) -> Result<(), Failure> {
        Err(Failure { what: "detach".into(), why: "no policy is attached".into() })
    }
}

impl Serve<PowerOff> for Small {
    fn serve(&mut self, _: PowerOff, _: &mut dyn Host) -> Result<(), Failure> {
        self.served.push("off".into());
        Ok(())
    }
}

/// Copies its input to its output, in capitals, until the end or the kill.
impl Serve<RunProgram> for Small {
    fn serve(&mut self, _: RunProgram, host: &mut dyn Host) -> Result<Ran, Failure> {
        let end = loop {
            host.want_input()?;
            match host.hear()? {
                ForProgram::Input(data) if data.is_empty() => break End::Exit(0),
                ForProgram::Input(data) => {
                    host.output(Stream::Stdout, &data.to_ascii_uppercase())?;
                }
                ForProgram::Kill => break End::Signal(9),
            }
        };
        host.output(Stream::Stderr, b"bye")?;
        Ok(Ran {
            end,
            wall_ns: 1,
            cpu_ns: 1,
            device_reads: 0,
            device_bytes: 0,
            counts: BTreeMap::new(),
            oom_kills: 0,
            left: 0,
        })
    }
}

fn program() -> Program {
    Program {
        argv: vec!["cat".into()],
        env: BTreeMap::new(),
        cwd: "/".into(),
        user: User::default(),
        memory_max: None,
        output: Output::Send,
        input: false,
        deadline_ms: None,
        leave_children: false,
    }
}

fn table() -> Table<Small> {
    Table::new().with::<Exec>().with::<Detach>().with::<PowerOff>().with::<RunProgram>()
}

/// A session with an agent in a thread, which ends after its [`PowerOff`].
fn session() -> (Session<Socket>, Rc<Steps>, thread::JoinHandle<Small>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let agent = thread::spawn(move || {
        let (table, mut agent, mut line) = (table(), Small::default(), Line::new(theirs));
        line.send(&FromAgent::Hello { release: "6.12.0-test".into() }).unwrap();
        while table.turn(&mut agent, &mut line).unwrap() {
            if agent.served.last().is_some_and(|last| last == "off") {
                break;
            }
        }
        agent
    });
    let (session, steps) = open(ours, LONG).unwrap();
    (session, steps, agent)
}

fn open(stream: UnixStream, deadline: Duration) -> Result<(Session<Socket>, Rc<Steps>), VmError> {
    let steps = Rc::new(Steps::default());
    let progress: Rc<dyn Progress> = steps.clone();
    let socket = Socket::new(stream).unwrap();
    Session::open(socket, progress, deadline, deadline).map(|session| (session, steps))
}

/// An agent that says these lines and nothing else, whatever it is asked.
fn saying(lines: &str) -> (UnixStream, UnixStream) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(lines.as_bytes()).unwrap();
    (ours, theirs)
}

const HELLO: &str = "{\"hello\":{\"release\":\"6.12.0\"}}\n";

fn refused(result: Result<(Session<Socket>, Rc<Steps>), VmError>) -> VmError {
    match result {
        Ok(_) => panic!("the session was opened"),
        Err(error) => error,
    }
}

#[test]
fn answers_come_in_order_with_their_progress() {
    let (mut session, steps, agent) = session();
    assert_eq!(session.release(), "6.12.0-test");
    let exit = session.ask(Exec::new(&["a", "b"])).unwrap();
    assert_eq!((exit.status, exit.stdout.as_str()), (2, "ab"));
    let exit = session.quietly(|session| session.ask(Exec::new(&["quiet"]))).unwrap();
    assert_eq!(exit.status, 3);
    session.ask(Exec::new(&["c"])).unwrap();
    assert_eq!(*steps.0.borrow(), ["at a", "at b", "at c"]);
    session.stop().unwrap();
    assert_eq!(agent.join().unwrap().served, ["a", "b", "quiet", "c", "off"]);
}

#[test]
fn a_failure_is_the_agents_and_the_session_goes_on() {
    let (mut session, _, agent) = session();
    let error = session.ask(Detach).unwrap_err();
    assert_eq!(error.to_string(), "in the microVM: detach: no policy is attached");
    assert!(session.is_alive());
    // A request that this agent does not serve.
    let SessionError::Agent(failure) = session.ask(KernelLog).unwrap_err() else {
        panic!("no failure of the agent")
    };
    assert_eq!(failure.what, "serve the request 'kernel_log'");
    assert_eq!(session.ask(Exec::new(&["a"])).unwrap().status, 1);
    session.stop().unwrap();
    agent.join().unwrap();
}

#[test]
fn a_request_of_another_form_fails_and_an_answer_of_another_form_ends_the_session() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    ours.write_all(b"{\"ask\":\"exec\",\"with\":{\"argv\":7}}\n").unwrap();
    let (mut agent, mut line) = (Small::default(), Line::new(theirs));
    assert!(table().turn(&mut agent, &mut line).unwrap());
    let answer: FromAgent = raext_model::read_message(&mut std::io::BufReader::new(ours)).unwrap();
    let FromAgent::Failed(failure) = answer else { panic!("{answer:?}") };
    assert_eq!(failure.what, "read the request 'exec'");

    let (ours, _theirs) = saying(&format!("{HELLO}{{\"answer\":7}}\n"));
    let (mut session, _) = open(ours, LONG).unwrap();
    let error = session.ask(Exec::new(&["a"])).unwrap_err();
    assert!(matches!(error, SessionError::Vm(VmError::Wire(_))), "{error}");
    assert!(!session.is_alive());
    let again = session.ask(Exec::new(&["a"])).unwrap_err();
    assert!(matches!(again, SessionError::Vm(VmError::Gone)), "{again}");
}

#[test]
fn a_line_that_is_lost_or_garbled_ends_the_session() {
    let (ours, theirs) = saying(HELLO);
    let (mut session, _) = open(ours, LONG).unwrap();
    assert!(session.is_alive());
    drop(theirs);
    let error = session.ask(Detach).unwrap_err();
    assert!(matches!(error, SessionError::Vm(VmError::Gone)), "{error}");
    assert!(!session.is_alive());

    let (ours, _theirs) = saying(&format!("{HELLO}this is no message\n"));
    let (mut session, _) = open(ours, LONG).unwrap();
    let error = session.ask(Detach).unwrap_err();
    assert!(error.to_string().contains("this is no message"), "{error}");
    assert!(!session.is_alive());

    let (ours, _theirs) = saying(&format!("{HELLO}{HELLO}"));
    let (mut session, _) = open(ours, LONG).unwrap();
    let error = session.ask(Detach).unwrap_err();
    assert!(matches!(error, SessionError::Vm(VmError::OutOfTurn { .. })), "{error}");
}

#[test]
fn a_silent_agent_meets_its_deadline() {
    let short = Duration::from_millis(50);
    let (ours, theirs) = saying("\n");
    let error = refused(open(ours, short));
    assert!(matches!(error, VmError::BootDeadline { .. }), "{error}");
    drop(theirs);

    let (ours, _theirs) = saying(HELLO);
    let (mut session, _) = open(ours, short).unwrap();
    let start = Instant::now();
    let error = session.ask(Detach).unwrap_err();
    assert!(start.elapsed() >= short);
    let SessionError::Vm(VmError::AnswerDeadline { request, .. }) = error else {
        panic!("{error}")
    };
    assert_eq!(request, "detach");
    assert!(!session.is_alive());
}

#[test]
fn an_agent_that_cannot_be_up_says_why() {
    let (ours, _theirs) = saying("{\"failed\":{\"what\":\"load x\",\"why\":\"bad\"}}\n");
    let error = refused(open(ours, LONG));
    assert_eq!(error.to_string(), "the microVM could not be set up: load x: bad");
}

#[test]
fn a_program_has_its_input_and_its_output() {
    let (mut session, _, agent) = session();
    let mut output = Vec::new();
    let mut take = |stream, data: &[u8]| {
        output.push((stream, data.to_owned()));
        true
    };
    let input = Some(Box::new(std::io::Cursor::new(b"one\ntwo")) as Box<_>);
    let ran = session.talk(program(), Streams { output: &mut take, input }).unwrap();
    assert_eq!(ran.end, End::Exit(0));
    assert_eq!(output, [(Stream::Stdout, b"ONE\nTWO".to_vec()), (Stream::Stderr, b"bye".to_vec())]);
    // Without a source, the input has ended.
    let captured = session.capture(program()).unwrap();
    assert_eq!((captured.stdout.as_slice(), captured.stderr.as_slice()), (&b""[..], &b"bye"[..]));
    session.stop().unwrap();
    agent.join().unwrap();
}

#[test]
fn a_program_whose_output_is_not_wanted_is_killed() {
    let (mut session, _, agent) = session();
    let mut calls = 0;
    let mut refuse = |_, _: &[u8]| {
        calls += 1;
        false
    };
    // It never ends by itself.
    let input = Some(Box::new(std::io::repeat(b'y')) as Box<_>);
    let ran = session.talk(program(), Streams { output: &mut refuse, input }).unwrap();
    assert_eq!((ran.end, calls), (End::Signal(9), 1));
    // A late portion of the input does not reach the next request.
    assert_eq!(session.ask(Exec::new(&["a"])).unwrap().status, 1);
    session.stop().unwrap();
    agent.join().unwrap();
}
