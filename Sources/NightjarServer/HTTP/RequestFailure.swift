internal import Hummingbird
internal import Nightjar

/// Why a request is refused: answered as JSON, in the shape of the API that it was made to.
struct RequestFailure: Error {
    var status: HTTPResponse.Status
    /// For programs, such as `not_found`.
    var code: String
    /// For people: names the thing and the remedy.
    var message: String
    /// Details for programs, where there are any.
    var data: JSON?
    /// What the answer says besides, such as when to try again.
    var headers: HTTPFields

    init(_ status: HTTPResponse.Status, _ code: String, _ message: String, data: JSON? = nil, headers: HTTPFields = [:])
    {
        self.status = status
        self.code = code
        self.message = message
        self.data = data
        self.headers = headers
    }
}
