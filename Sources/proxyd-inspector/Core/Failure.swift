import AddonProtocol
import AddonSDK
import FlyingFox
import Foundation

/// Why a request of the page failed, in words for people.
struct Failure: Error, CustomStringConvertible {
    let status: Int
    let json: JSONValue

    init(_ status: Int, _ message: String, data: JSONValue = .null) {
        self.init(status, code: status, message, data: data)
    }

    private init(_ status: Int, code: Int, _ message: String, data: JSONValue) {
        self.status = status
        json = ["error": ["code": .integer(code), "message": .string(message), "data": data]]
    }

    init(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as ProtocolError: self.init(422, code: error.code, error.message, data: error.data ?? .null)
        case DaemonError.tooLarge(let bytes, let limit):
            self.init(413, "this takes a message of \(bytes) bytes; the daemon accepts \(limit) (frame_size_limit)")
        case is DaemonError: self.init(503, "the daemon is not there")
        default: self.init(500, "\(error)")
        }
    }

    var description: String { json["error"]?["message"]?.stringValue ?? "" }

    static let noFlow = Failure(404, "no such flow, or no longer")

    var response: HTTPResponse { .json(json, status: HTTPStatusCode(status, phrase: "")) }
}

extension HTTPResponse {
    static func json(_ value: JSONValue, status: HTTPStatusCode = .ok) -> HTTPResponse {
        HTTPResponse(statusCode: status, headers: [.contentType: "application/json"], body: Data(value.encoded()))
    }

    static func text(_ text: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(
            statusCode: HTTPStatusCode(status, phrase: ""),
            headers: [.contentType: "text/plain; charset=utf-8"],
            body: Data(text.utf8)
        )
    }
}
