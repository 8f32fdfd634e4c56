import AddonProtocol
import NIOCore
import ProxyCodecs

/// The gate through which every mutation of an HTTP flow passes: what a reply sets is checked, then applied whole or not
/// at all.
struct FlowPatch {
    private let flow: HTTPFlow
    private let addon: String
    /// What the addon was sent.
    private let view: SnapshotShape
    /// What the addon has named in its reply, whether it changes anything or not.
    private let named: JSONValue
    private var request = RequestChanges()
    private var response = ResponseChanges()
    /// The response that the addon begins to invent.
    private var begun: HTTPResponse?
    /// Nil: they stay as they are.
    private var notes: FlowNotes?
    private var requestStream: StreamMode
    private var responseStream: StreamMode
    private var route: Route?
    private var replay: FlowReplay?

    /// Applies `patch` (RFC 7396) to `flow`.
    ///
    /// Members that equal what the addon was sent change nothing, so those that are refused are left out. They still count
    /// as named: what usually follows another member does not follow when the addon has named it. Only in a snapshot that
    /// came back, all of which is named, nothing but what differs counts.
    ///
    /// - Parameters:
    ///   - view: what the addon was sent of the flow.
    ///   - sent: the snapshot that it was sent, as JSON.
    /// - Returns: whether anything changed.
    static func apply(
        _ patch: JSONValue,
        to flow: HTTPFlow,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    )
        throws(PatchRefusal) -> Bool
    {
        func attempt(_ patch: JSONValue, naming named: JSONValue) throws(PatchRefusal) {
            var gate = FlowPatch(flow, by: addon, view, named)
            for member in try patch.object(at: "flow") { try gate.apply(member) }
            try gate.checkReplay()
            gate.commit()
        }
        if patch.members?.isEmpty ?? false { return false }
        let hasContent = patch["request"]?["content"] != nil || patch["response"]?["content"] != nil
        if !hasContent, (try? attempt(patch, naming: patch)) != nil { return true }
        let isSnapshot = isSnapshot(patch)
        let sent = flow.responseIsLost && !isSnapshot ? sent().without("response") : sent()
        guard let changed = patch.pruned(against: sent) else { return false }
        if isSnapshot {
            try attempt(changed, naming: changed)
        } else if (try? attempt(patch.withoutContent(of: sent), naming: patch)) == nil {
            try attempt(changed, naming: patch)
        }
        return true
    }

    /// Whether a reply is a snapshot that came back: it has what no patch may change.
    private static func isSnapshot(_ patch: JSONValue) -> Bool {
        func has(_ part: JSONValue?, _ names: Set<String>) -> Bool {
            part?.members?.contains { names.contains($0.name) } ?? false
        }
        return has(patch, flowMembers.subtracting(["server_conn", "is_replay"]))
            || has(patch["request"], requestMembers)
            || has(patch["response"], responseMembers)
    }

    private init(_ flow: HTTPFlow, by addon: String, _ view: SnapshotShape, _ named: JSONValue) {
        self.flow = flow
        self.addon = addon
        self.view = view
        self.named = named
        requestStream = flow.requestStream
        responseStream = flow.responseStream
        route = flow.route
        replay = flow.replay
    }

    private func commit() {
        flow.request.take(request)
        if let begun { flow.response = begun }
        flow.response?.take(response, toMethod: flow.request.method)
        if let notes { flow.notes = notes }
        flow.requestStream = requestStream
        flow.responseStream = responseStream
        flow.route = route
        flow.replay = replay
        flow.revision += 1
    }

    private mutating func apply(_ member: JSONValue.Member) throws(PatchRefusal) {
        switch member.name {
        case "request": try applyRequest(member.value)
        case "response": try applyResponse(member.value)
        case "server_conn": try applyServer(member.value)
        case "is_replay": try applyReplay(member.value)
        // What `flow.get` has shown, and tells of nothing that may change.
        case "timings": break
        case _ where try applyNotes(member): break
        default:
            throw flowMembers.contains(member.name)
                ? .readOnly("flow." + member.name)
                : PatchRefusal("flow." + member.name, "no such field")
        }
    }

    private mutating func applyNotes(_ member: JSONValue.Member) throws(PatchRefusal) -> Bool {
        var changed = notes ?? flow.notes
        guard try changed.apply(member, flow.limits) else { return false }
        notes = changed
        return true
    }

    // MARK: Request

    private mutating func applyRequest(_ patch: JSONValue) throws(PatchRefusal) {
        let path = "flow.request"
        let members = try patch.object(at: path)
        guard !flow.requestIsSent || members.isEmpty else {
            throw PatchRefusal(path, "the request has been sent already", comesTooLate: true)
        }
        if let url = patch["url"] { try applyURL(try url.bytes(at: path + ".url"), path: path + ".url") }
        for member in members { try applyRequest(member) }
        if targetChanged {
            if flow.state != .request { try checkWay(path) }
            followTarget()
        }
        if let new = request.message.headers {
            let old = flow.request.headers
            let body = request.message.body ?? flow.request.body
            let coded = try recoded(body, as: new, formerly: old, path: path)
            try checkFraming(new, against: old, body: coded ?? body, path: path)
            if let coded { request.message.body = coded }
        }
    }

    private mutating func applyRequest(_ member: JSONValue.Member) throws(PatchRefusal) {
        var path: String { "flow.request." + member.name }
        let value = member.value
        switch member.name {
        case "method":
            let method = try value.string(at: path)
            guard HTTPSyntax.isToken(Array(method.utf8)) else {
                throw PatchRefusal(path, "\"\(method)\" is no method (RFC 9110, section 9.1)")
            }
            request.method = method
        case "scheme":
            let scheme = try value.string(at: path)
            guard ["http", "https"].contains(scheme) else {
                throw PatchRefusal(path, "found \"\(scheme)\"; allowed: http, https")
            }
            request.scheme = scheme
        case "host":
            let host = try value.string(at: path)
            guard Authority.isHost(host) else { throw PatchRefusal(path, "\"\(host)\" is no host") }
            request.host = host
        case "port": request.port = try value.integer(at: path, in: 1...65535)
        case "path":
            let target = try value.bytes(at: path)
            guard HTTPSyntax.isRequestPath(target) else {
                throw PatchRefusal(path, "must begin with / and have no spaces or control characters")
            }
            request.path = target
        case "authority":
            let authority = try value.bytes(at: path)
            guard authority.isEmpty || Authority.isAuthority(authority) else {
                throw PatchRefusal(path, "is no host[:port]; empty for none")
            }
            request.authority = authority
        case "url": break
        case "headers":
            let old = flow.request.headers
            let new = try headers(value, replacing: old, path: path)
            if !new.hasSameValues(of: "proxy-authorization", as: old) { request.hasOwnProxyAuthorization = true }
            request.message.headers = new
        case "content": request.message.replace(try content(value, replacing: flow.request.body, path: path))
        case "trailers": request.message.trailers = try trailers(value, replacing: flow.request.trailers, path: path)
        case "stream": requestStream = try stream(value, body: request.message.body ?? flow.request.body, path: path)
        default:
            throw requestMembers.contains(member.name) ? .readOnly(path) : PatchRefusal(path, "no such field")
        }
    }

    private mutating func applyURL(_ url: [UInt8], path: String) throws(PatchRefusal) {
        guard case .absolute(let scheme, let authority, let target)? = try? RequestTarget(absolute: url) else {
            throw PatchRefusal(path, "must be an absolute http or https URL")
        }
        request.scheme = scheme
        request.host = authority.host
        request.port = authority.port(scheme: scheme)
        request.path = target
    }

    private var targetChanged: Bool {
        func isOther<Value: Equatable>(_ new: Value?, than old: Value) -> Bool { new != nil && new != old }
        return isOther(request.host, than: flow.request.host) || isOther(request.port, than: flow.request.port)
            || isOther(request.scheme, than: flow.request.scheme)
    }

    /// The Host field, and the target's authority where it has one, name the new destination, unless the addon has named
    /// them itself.
    private mutating func followTarget() {
        let host = request.host ?? flow.request.host
        let authority = Authority(host: host, port: request.port ?? flow.request.port)
            .description(scheme: request.scheme ?? flow.request.scheme)
        if !namesHostField {
            var headers = request.message.headers ?? flow.request.headers
            headers.set("Host", authority)
            request.message.headers = headers
        }
        if !(request.authority ?? flow.request.authority).isEmpty, named["request"]?["authority"] == nil {
            request.authority = Array(authority.utf8)
        }
    }

    private var namesHostField: Bool {
        switch named["request"]?["headers"] {
        case .array: true
        case .object(let fields): fields.contains { isEqual(Array($0.name.utf8)[...], ignoringCase: "host") }
        case .null, .bool, .integer, .number, .string, nil: false
        }
    }

    // MARK: Where it goes

    private func checkWay(_ path: String) throws(PatchRefusal) {
        if let reason = flow.whyWayIsSettled { throw PatchRefusal(path, reason, comesTooLate: true) }
    }

    private mutating func applyServer(_ patch: JSONValue) throws(PatchRefusal) {
        let path = "flow.server_conn"
        let members = try patch.object(at: path)
        if !members.isEmpty { try checkWay(path) }
        guard flow.request.method != "CONNECT" else {
            throw PatchRefusal(path, "where a CONNECT goes is request.host and request.port")
        }
        for member in members {
            let (path, value) = (path + "." + member.name, member.value)
            switch member.name {
            case "address":
                route = Route(address: value.isNull ? nil : try .init(value, at: path), via: route?.via)
            case "via":
                let proxy = value.isNull ? nil : try UpstreamProxy(value, at: path)
                route = Route(address: route?.address, via: .some(proxy))
            default:
                throw .readOnly(path)
            }
        }
    }

    // MARK: Replays

    private mutating func applyReplay(_ value: JSONValue) throws(PatchRefusal) {
        let path = "flow.is_replay"
        guard value.isNull || value.stringValue == FlowReplay.response.rawValue else {
            throw PatchRefusal(path, "found \(value.shortText); allowed: \"response\", or null")
        }
        guard !value.isNull || replay != .request else {
            throw PatchRefusal(path, "the request is a replay, whatever its response is")
        }
        guard !flow.responseIsSent else {
            throw PatchRefusal(path, "the response has been passed on already", comesTooLate: true)
        }
        replay = value.isNull ? nil : .response
    }

    /// A recording is played by an addon, not by a server.
    private func checkReplay() throws(PatchRefusal) {
        guard replay == .response, flow.replay != .response else { return }
        if case .addon = begun?.origin ?? flow.response?.origin { return }
        throw PatchRefusal("flow.is_replay", "\"response\" goes with a response of the addon's own")
    }

    // MARK: Response

    private mutating func applyResponse(_ patch: JSONValue) throws(PatchRefusal) {
        let path = "flow.response"
        let members = try patch.object(at: path)
        guard !flow.responseIsSent || members.isEmpty else {
            throw PatchRefusal(path, "the response has been passed on already", comesTooLate: true)
        }
        if flow.response == nil || flow.responseIsLost {
            guard named["response"]?["status_code"] != nil || named["response"]?["content"] != nil else {
                throw PatchRefusal(
                    path,
                    "there is no response to change; one of the addon's own has status_code or content"
                )
            }
            begun = HTTPResponse(addon: addon)
        }
        for member in members { try applyResponse(member) }
        if let new = response.message.headers {
            let body = response.message.body ?? oldBody
            let coded = try recoded(body, as: new, formerly: oldHeaders, path: path)
            let isHead = (request.method ?? flow.request.method) == "HEAD"
            try checkFraming(new, against: oldHeaders, body: isHead ? nil : coded ?? body, path: path)
            if let coded { response.message.body = coded }
        }
    }

    // What the patch of a response starts from.
    private var oldHeaders: HeaderFields { begun?.headers ?? flow.response?.headers ?? HeaderFields() }
    private var oldBody: Body { begun?.body ?? flow.response?.body ?? .empty }

    private mutating func applyResponse(_ member: JSONValue.Member) throws(PatchRefusal) {
        var path: String { "flow.response." + member.name }
        let value = member.value
        switch member.name {
        case "status_code":
            let status = try value.integer(at: path, in: 200...999)
            if reasonIsUsual, named["response"]?["reason"] == nil {
                response.reason = HTTPSyntax.reason(of: status)
            }
            response.status = status
        case "reason":
            let reason = try value.bytes(at: path)
            guard ByteClass.fieldContent.containsAll(reason) else {
                throw PatchRefusal(path, "has a control character")
            }
            response.reason = reason
        case "headers": response.message.headers = try headers(value, replacing: oldHeaders, path: path)
        case "content": response.message.replace(try content(value, replacing: oldBody, path: path))
        case "trailers":
            let old = begun == nil ? flow.response?.trailers : nil
            response.message.trailers = try trailers(value, replacing: old, path: path)
        case "stream": responseStream = try stream(value, body: response.message.body ?? oldBody, path: path)
        default:
            throw responseMembers.contains(member.name) ? .readOnly(path) : PatchRefusal(path, "no such field")
        }
    }

    private var reasonIsUsual: Bool {
        guard let old = begun ?? flow.response else { return true }
        return old.reason == HTTPSyntax.reason(of: old.status)
    }

    // MARK: Both

    private func content(
        _ value: JSONValue,
        replacing body: Body,
        path: @autoclosure () -> String
    ) throws(PatchRefusal) -> Body {
        guard body.isComplete else {
            throw PatchRefusal(path(), "the body is not there at this event; set it when the whole message is")
        }
        let new = try value.byteBuffer(at: path())
        return view.decodes && body.plain != nil ? .plain(new) : .whole(new)
    }

    /// Plain content goes on as the Content-Encoding that it then has says; a field that an addon without `decode`
    /// changed says something new about the bytes that are there.
    ///
    /// - Returns: nil when the body stays as it is.
    private func recoded(
        _ body: Body,
        as new: HeaderFields,
        formerly old: HeaderFields,
        path: String
    ) throws(PatchRefusal) -> Body? {
        guard !new.hasSameValues(of: "content-encoding", as: old) else { return nil }
        guard view.decodes, let plain = body.plain else {
            var coded = body
            coded.form = .coded
            return coded
        }
        do {
            _ = try ContentCodings(of: new)
        } catch {
            throw PatchRefusal(path + ".headers.content-encoding", "\(error)")
        }
        return .plain(plain)
    }

    private func trailers(
        _ value: JSONValue,
        replacing old: HeaderFields?,
        path: @autoclosure () -> String
    ) throws(PatchRefusal)
        -> HeaderFields?
    {
        value.isNull ? nil : try headers(value, replacing: old ?? HeaderFields(), path: path())
    }

    /// What addons make obeys the limits that peers obey.
    private func headers(
        _ value: JSONValue,
        replacing old: HeaderFields,
        path: @autoclosure () -> String
    ) throws(PatchRefusal) -> HeaderFields {
        let new = try HeaderPatch.apply(value, to: old, at: path())
        let limits = flow.limits
        guard new.count <= limits.headFields || new.count <= old.count else {
            throw PatchRefusal(path(), "has \(new.count) fields; head_fields_limit is \(limits.headFields)")
        }
        guard new.wireByteCount <= limits.headBytes || new.wireByteCount <= old.wireByteCount else {
            throw PatchRefusal(path(), "has \(new.wireByteCount) bytes; head_size_limit is \(limits.headBytes)")
        }
        return new
    }

    private func stream(
        _ value: JSONValue,
        body: Body,
        path: @autoclosure () -> String
    ) throws(PatchRefusal) -> StreamMode {
        guard let mode = StreamMode(value) else {
            throw PatchRefusal(path(), "found \(value.shortText); allowed: true, false, \"events\"")
        }
        guard mode == .off || body.bytes == nil || body.size == 0 else {
            throw PatchRefusal(path(), "the body has been read already")
        }
        return mode
    }

    /// Framing fields that a patch sets itself must tell the truth about the body.
    private func checkFraming(
        _ new: HeaderFields,
        against old: HeaderFields,
        body: Body?,
        path: String
    )
        throws(PatchRefusal)
    {
        if new.contains("transfer-encoding"), !new.hasSameValues(of: "transfer-encoding", as: old) {
            throw PatchRefusal(path + ".headers", "transfer-encoding is the daemon's to set")
        }
        guard new.contains("content-length"), !new.hasSameValues(of: "content-length", as: old), let body else {
            return
        }
        let length = String(body.size)
        guard body.isComplete, new.values("content-length").allSatisfy({ $0.elementsEqual(length.utf8) }) else {
            throw PatchRefusal(path + ".headers", "content-length contradicts the body of \(length) bytes")
        }
    }
}

extension HTTPFlow {
    /// Whether the server's response failed before its end, so that nothing of it is left to change.
    var responseIsLost: Bool { failure != nil && response?.origin == .server }
}

extension JSONValue {
    /// This patch without a `content` that equals what was sent, so that a body which does not change keeps its bytes.
    fileprivate func withoutContent(of sent: JSONValue) -> JSONValue {
        guard let members else { return self }
        return .object(
            members.map { part in
                guard let content = part.value["content"], content == sent[part.name]?["content"] else { return part }
                return Member(part.name, part.value.without("content"))
            }
        )
    }

    fileprivate func without(_ name: String) -> JSONValue {
        guard let members else { return self }
        return .object(members.filter { $0.name != name })
    }
}

extension HTTPResponse {
    /// The response that an addon begins to invent.
    init(addon: String) {
        let now = secondsSinceEpoch()
        self.init(
            status: 200,
            reason: HTTPSyntax.reason(of: 200),
            version: .http11,
            headers: HeaderFields(),
            body: .empty,
            timestampStart: now,
            timestampEnd: now,
            origin: .addon(addon)
        )
    }
}

private let flowMembers: Set<String> = [
    "id", "type", "client_conn", "server_conn", "error", "intercepted", "is_replay", "timestamp_created", "rev",
]
private let requestMembers: Set<String> = [
    "http_version", "content_complete", "content_size", "timestamp_start", "timestamp_end",
]
private let responseMembers: Set<String> = requestMembers.union(["origin"])
