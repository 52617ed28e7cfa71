/// A failure that another attempt cannot mend: the function, its data or its use of steps is wrong.
struct PermanentError: Error, CustomStringConvertible {
    let runError: RunError

    init(name: String = "NightjarError", code: String, _ message: String) {
        runError = RunError(name: name, message: message, code: code)
    }

    var description: String { runError.message }
}
