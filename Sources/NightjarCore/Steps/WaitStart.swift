/// From when on events count for a wait.
public enum WaitStart: Sendable, Hashable {
    /// From the moment at which the function comes to the wait.
    case now
    /// From the event that started the run: one that came while the function was still busy with something else counts
    /// as well.
    case runStart
}
