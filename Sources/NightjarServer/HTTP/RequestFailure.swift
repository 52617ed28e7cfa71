internal import Hummingbird

/// Why a request is refused: answered as JSON, in the shape of the API that it was made to.
struct RequestFailure: Error {
    var status: HTTPResponse.Status
    /// For programs, such as `not_found`.
    var code: String
    /// For people: names the thing and the remedy.
    var message: String

    init(_ status: HTTPResponse.Status, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }
}
