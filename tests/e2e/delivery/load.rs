//! Something that always happens: logons that are denied, each an event.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Two who try to log on, again and again, while the server is there.
    pub fn start(origin: &str) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let sources = Arc::new(AtomicU64::new(0));
        let threads = (0..2)
            .map(|number| {
                let (stop, answered, sources) = (Arc::clone(&stop), Arc::clone(&answered), Arc::clone(&sources));
                let address = format!("{origin}/oauth2/authorize?response_type=code&client_id=nobody-{number}");
                thread::spawn(move || {
                    let agent = ureq::Agent::config_builder().http_status_as_error(false).build();
                    let agent = agent.new_agent();
                    while !stop.load(Ordering::SeqCst) {
                        // Of one source, few denials are reported; as many as this of all of these.
                        let source = sources.fetch_add(1, Ordering::SeqCst) % 4000;
                        let request = agent
                            .get(&address)
                            .header("x-forwarded-for", format!("198.18.{}.{}", source / 200, source % 200));
                        // No answer: the server is dead just now.
                        if request.call().is_ok() {
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        thread::sleep(Duration::from_millis(10));
                    }
                })
            })
            .collect();
        Self {
            stop,
            answered,
            threads,
        }
    }

    /// Ends it; how many were answered, each of which had its event recorded before.
    pub fn stop(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.answered.load(Ordering::SeqCst)
    }
}
