/// An executor with an operating-system thread of its own, on which blocking calls are allowed.
///
/// The thread starts with the first job and ends when the executor is stopped or released.
final class ConnectionThread: SerialExecutor {
    private let jobs: JobQueue

    init(name: String) {
        jobs = JobQueue(name: name)
    }

    deinit {
        jobs.requestStop()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        jobs.add(UnownedJob(job), for: asUnownedSerialExecutor())
    }

    /// Ends the thread after the jobs it has, and waits for that; later jobs start it again for as long as they last.
    func stop() async {
        await jobs.stop()
    }
}
