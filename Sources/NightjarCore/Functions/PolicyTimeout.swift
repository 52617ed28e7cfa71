public import Foundation

/// When a cancellation policy stops listening.
public enum PolicyTimeout: Sendable, Hashable {
    /// This long after the run was created; more than zero and 100 years at most.
    case after(Duration)
    /// At this moment, by the database's clock.
    case at(Date)
}

extension PolicyTimeout {
    var problem: String? {
        guard case .after(let duration) = self else { return nil }
        if duration <= .zero { return "its timeout must be more than zero; it is \(duration)" }
        return duration > Self.longest ? "its timeout must be 100 years at most; it is \(duration)" : nil
    }

    private static let longest = Duration.seconds(100 * 366 * 86_400)
}
