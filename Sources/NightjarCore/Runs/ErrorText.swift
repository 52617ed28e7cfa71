import Foundation

/// Texts of errors, fit to be stored and read.
enum ErrorText {
    /// A stack of nested errors can be large; nobody reads more than this.
    private static let maximumLength = 8_192

    static func message(of error: any Error) -> String {
        if let error = error as? any LocalizedError, let text = error.errorDescription { return text }
        return String(describing: error)
    }

    static func storable(_ text: String) -> String {
        let text = text.utf8.count > maximumLength ? text.prefix(maximumLength / 4) + "…" : text
        return text.utf8.contains(0) ? text.replacingOccurrences(of: "\0", with: "\u{FFFD}") : text
    }

    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }
}
