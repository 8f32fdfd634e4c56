import AddonProtocol

/// What a patch sets in a message; nil members stay as they are.
struct MessageChanges {
    var headers: HeaderFields?
    var body: Body?
    var trailers: HeaderFields??
    /// Whether the body was replaced, rather than only decoded or encoded.
    private(set) var replacesBody = false

    /// Replaces the body.
    mutating func replace(_ body: Body) {
        self.body = body
        replacesBody = true
    }
}

/// What a patch sets in a request.
struct RequestChanges {
    var method: String?
    var scheme: String?
    var host: String?
    var port: Int?
    var path: [UInt8]?
    var authority: [UInt8]?
    var hasOwnProxyAuthorization = false
    var message = MessageChanges()
}

/// What a patch sets in a response.
struct ResponseChanges {
    var status: Int?
    var reason: [UInt8]?
    var message = MessageChanges()
}

extension HTTPRequest {
    /// Applies what a patch sets.
    mutating func take(_ changes: RequestChanges) {
        if let method = changes.method { self.method = method }
        if let scheme = changes.scheme { self.scheme = scheme }
        if let host = changes.host { self.host = host }
        if let port = changes.port { self.port = port }
        if let path = changes.path { self.path = path }
        if let authority = changes.authority { self.authority = authority }
        if changes.hasOwnProxyAuthorization { hasOwnProxyAuthorization = true }
        if let headers = changes.message.headers { self.headers = headers }
        if let trailers = changes.message.trailers { self.trailers = trailers }
        if let body = changes.message.body { self.body = body }
        if changes.message.replacesBody { followContentLength() }
    }
}

extension HTTPResponse {
    /// - Parameter method: the request's method.
    mutating func take(_ changes: ResponseChanges, toMethod method: String) {
        if let status = changes.status { self.status = status }
        if let reason = changes.reason { self.reason = reason }
        if let headers = changes.message.headers { self.headers = headers }
        if let trailers = changes.message.trailers { self.trailers = trailers }
        if let body = changes.message.body { self.body = body }
        if changes.message.replacesBody { followContentLength(toMethod: method) }
    }
}
