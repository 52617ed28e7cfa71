internal import Foundation
internal import NightjarCore

// What an open step waits for, or invokes, as the column `spec` holds it.
extension OpenStep {
    /// - Throws: `EncodingError` when a text of it cannot be written as JSON.
    func spec() throws -> String {
        if let wait { return try JSONCoding.text(wait) }
        guard let invocation else { return "{}" }
        if let slug = invocation.slug {
            let text = try JSONCoding.text(slug)
            return #"{"slug":\#(text),"function":\#(text),"data":\#(invocation.dataJSON)}"#
        }
        let app = try invocation.app.map { #""app":\#(try JSONCoding.text($0)),"# } ?? ""
        // The data goes in as it is: decoding and encoding it again could change a number.
        return #"{\#(app)"function":\#(try JSONCoding.text(invocation.function)),"data":\#(invocation.dataJSON)}"#
    }
}
