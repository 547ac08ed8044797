//! A server whose clock is not this machine's. S3 bears 15 minutes between them; beyond that it refuses a request and says
//! its own time, with which the next try must be signed.

use filmgate::job::JobRequest;
use filmgate::report::JobFault;
use filmgate_tests::s3s::S3sServer;
use jiff::SignedDuration;

use crate::bench::{Bench, number};
use crate::cell::Size;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a6_a_clock_that_is_off_by_sixteen_minutes_is_learned() {
    for minutes in [14, 16, -16] {
        let server = S3sServer::start_timeless().await;
        let bench = Bench::in_front_of(server.bucket(), Some(server), true).await;
        bench.proxy.set_clock(SignedDuration::from_mins(minutes));
        for size in [Size::Small, Size::Parts] {
            let user = format!("c{:x}", number());
            let (path, bytes) = bench.file(size);
            let request = JobRequest::new(user.parse().expect("a user"));
            let job = bench.host.publish(request, None, &path, true).expect("start");
            match job.wait().await {
                Ok(_) => {}
                Err(error) => match &error.fault {
                    JobFault::Publish(error) => panic!("{minutes} min, {size:?}: {error}"),
                    other => panic!("{minutes} min, {size:?}: {other:?}"),
                },
            }
            let objects = bench.objects(&format!("videos/{user}/")).await;
            assert!(objects.len() == 1 && objects[0].1 == bytes, "{minutes} min, {size:?}");
        }
    }
}
