internal import Hummingbird
internal import Nightjar
internal import NightjarCore

/// Bodies of requests that are read as a whole.
enum JSONBody {
    /// The value of a body, once its depth and its characters are known to be such that it can be read and stored.
    static func value(_ body: ByteBuffer) throws -> JSON {
        let bytes = Array(buffer: body)
        guard String(validating: bytes, as: UTF8.self) != nil else { throw refusal("is not UTF-8") }
        do throws(JSONProblem) {
            try bytes.withUnsafeBufferPointer { bytes throws(JSONProblem) in
                var scanner = JSONScanner(bytes)
                _ = try scanner.document()
            }
        } catch {
            throw refusal("is not JSON that can be taken: \(error)")
        }
        do { return try JSONCoding.value(JSON.self, from: String(decoding: bytes, as: UTF8.self)) } catch {
            throw refusal("cannot be read")
        }
    }

    private static func refusal(_ reason: String) -> RequestFailure {
        RequestFailure(.badRequest, "invalid_request", "the body \(reason)")
    }
}
