/// Private to the runtime: ends user code whose run leaves the process. Whatever that code does with it is ignored.
struct RunUnwinding: Error, CustomStringConvertible {
    var description: String { "the run leaves this process here and goes on, if it does, in a replay" }
}
