/// What the program's exit status means.
enum ExitStatus: Int32, CaseIterable {
    case success = 0
    case failure = 1
    case notAsWanted = 2
    case usage = 64
    case unavailable = 69

    var meaning: String {
        switch self {
        case .success: "done, or everything is as it should be"
        case .failure: "it did not work; doctor: a problem was found"
        case .notAsWanted: "nothing found, or not in the wanted state; doctor: a warning"
        case .usage: "the command line or a configuration file is wrong"
        case .unavailable: "the database cannot be reached, or none is known"
        }
    }

    /// One line each, for `--help`.
    static var help: String {
        allCases.map { status in
            let number = String(status.rawValue)
            return "  " + number + String(repeating: " ", count: 4 - number.count) + status.meaning
        }.joined(separator: "\n")
    }
}
