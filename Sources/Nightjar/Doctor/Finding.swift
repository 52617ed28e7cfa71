/// What an examination found about one thing.
package struct Finding: Sendable, Hashable {
    /// How bad it is.
    package enum Level: String, Sendable, Hashable, CaseIterable, Comparable {
        /// As it should be.
        case ok
        /// Works, and will not for ever.
        case warning
        /// A promise of Nightjar's does not hold.
        case problem

        package static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .ok: 0
            case .warning: 1
            case .problem: 2
            }
        }
    }

    /// What was looked at; stable, for scripts.
    package var check: String
    package var level: Level
    /// What is so, and what that means.
    package var message: String
    /// What to do; nil when nothing is to be done.
    package var remedy: String?

    package static func ok(_ check: String, _ message: String) -> Finding {
        Finding(check: check, level: .ok, message: message, remedy: nil)
    }

    package static func warning(_ check: String, _ message: String, do remedy: String) -> Finding {
        Finding(check: check, level: .warning, message: message, remedy: remedy)
    }

    package static func problem(_ check: String, _ message: String, do remedy: String) -> Finding {
        Finding(check: check, level: .problem, message: message, remedy: remedy)
    }
}
