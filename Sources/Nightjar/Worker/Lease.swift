internal import Foundation

/// The right to act for a run: session and epoch, checked by every commit.
struct Lease: Sendable, Hashable {
    var run: UUID
    var session: UUID
    var epoch: Int32
}
