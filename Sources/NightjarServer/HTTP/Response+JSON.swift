internal import Hummingbird
internal import Nightjar

extension Response {
    /// An answer of JSON.
    static func json(_ value: JSON, status: HTTPResponse.Status = .ok) -> Response {
        json(text: (try? JSONCoding.canonicalText(value)) ?? "null", status: status)
    }

    /// An answer of JSON that is text already.
    static func json(text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text + "\n")))
    }
}
