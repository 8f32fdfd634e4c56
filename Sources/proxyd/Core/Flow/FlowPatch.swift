import AddonProtocol
import NIOCore

/// The gate through which every mutation of an HTTP flow passes: checked on copies, then applied whole or not at all.
struct FlowPatch {
    private let flow: HTTPFlow
    private let addon: String
    /// What the addon was sent.
    private let view: SnapshotShape
    /// What the addon has named in its reply, whether it changes anything or not.
    private let named: JSONValue
    private var request: HTTPRequest
    private var response: HTTPResponse?
    private var notes: FlowNotes
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
        request = flow.request
        response = flow.response
        notes = flow.notes
        requestStream = flow.requestStream
        responseStream = flow.responseStream
        route = flow.route
        replay = flow.replay
    }

    private func commit() {
        flow.request = request
        flow.response = response
        flow.notes = notes
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
        case _ where try notes.apply(member, flow.limits): break
        default:
            throw flowMembers.contains(member.name)
                ? .readOnly("flow." + member.name)
                : PatchRefusal("flow." + member.name, "no such field")
        }
    }

    // MARK: Request

    private mutating func applyRequest(_ patch: JSONValue) throws(PatchRefusal) {
        let path = "flow.request"
        let members = try patch.object(at: path)
        guard !flow.requestIsSent || members.isEmpty else {
            throw PatchRefusal(path, "the request has been sent already", comesTooLate: true)
        }
        if let url = patch["url"] { try applyURL(try url.bytes(at: path + ".url"), path: path + ".url") }
        for member in members { try applyRequest(member, path: path + "." + member.name) }
        if targetChanged {
            if flow.state != .request { try checkWay(path) }
            followTarget()
        }
        try followCoding(of: &request.body, request.headers, formerly: flow.request.headers, path: path)
        try checkFraming(request.headers, against: flow.request.headers, body: request.body, path: path)
        if patch["content"] != nil { request.followContentLength() }
    }

    private mutating func applyRequest(_ member: JSONValue.Member, path: String) throws(PatchRefusal) {
        let value = member.value
        switch member.name {
        case "method":
            request.method = try value.string(at: path)
            guard HTTPSyntax.isToken(Array(request.method.utf8)) else {
                throw PatchRefusal(path, "\"\(request.method)\" is no method (RFC 9110, section 9.1)")
            }
        case "scheme":
            request.scheme = try value.string(at: path)
            guard ["http", "https"].contains(request.scheme) else {
                throw PatchRefusal(path, "found \"\(request.scheme)\"; allowed: http, https")
            }
        case "host":
            request.host = try value.string(at: path)
            guard Authority.isHost(request.host) else { throw PatchRefusal(path, "\"\(request.host)\" is no host") }
        case "port": request.port = try value.integer(at: path, in: 1...65535)
        case "path":
            request.path = try value.bytes(at: path)
            guard HTTPSyntax.isRequestPath(request.path) else {
                throw PatchRefusal(path, "must begin with / and have no spaces or control characters")
            }
        case "authority":
            request.authority = try value.bytes(at: path)
            guard request.authority.isEmpty || Authority.isAuthority(request.authority) else {
                throw PatchRefusal(path, "is no host[:port]; empty for none")
            }
        case "url": break
        case "headers":
            request.headers = try headers(value, replacing: request.headers, path: path)
            let logins = request.headers.values("proxy-authorization")
            if logins != flow.request.headers.values("proxy-authorization") { request.hasOwnProxyAuthorization = true }
        case "content": request.body = try content(value, replacing: request.body, path: path)
        case "trailers": request.trailers = try trailers(value, replacing: request.trailers, path: path)
        case "stream": requestStream = try stream(value, body: request.body, path: path)
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
        request.host != flow.request.host || request.port != flow.request.port
            || request.scheme != flow.request.scheme
    }

    /// The Host field, and the target's authority where it has one, name the new destination, unless the addon has named
    /// them itself.
    private mutating func followTarget() {
        let authority = request.destinationText
        if !namesHostField { request.headers.set("Host", authority) }
        if !request.authority.isEmpty, named["request"]?["authority"] == nil {
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
        if case .addon = response?.origin { return }
        throw PatchRefusal("flow.is_replay", "\"response\" goes with a response of the addon's own")
    }

    // MARK: Response

    private mutating func applyResponse(_ patch: JSONValue) throws(PatchRefusal) {
        let path = "flow.response"
        let members = try patch.object(at: path)
        guard !flow.responseIsSent || members.isEmpty else {
            throw PatchRefusal(path, "the response has been passed on already", comesTooLate: true)
        }
        let known = flow.responseIsLost ? nil : response
        guard known != nil || named["response"]?["status_code"] != nil || named["response"]?["content"] != nil else {
            throw PatchRefusal(
                path,
                "there is no response to change; one of the addon's own has status_code or content"
            )
        }
        let old = known ?? HTTPResponse(addon: addon)
        var new = old
        for member in members { try apply(member, to: &new, path: path + "." + member.name) }
        try followCoding(of: &new.body, new.headers, formerly: old.headers, path: path)
        let isHead = request.method == "HEAD"
        try checkFraming(new.headers, against: old.headers, body: isHead ? nil : new.body, path: path)
        if patch["content"] != nil { new.followContentLength(toMethod: request.method) }
        response = new
    }

    private mutating func apply(
        _ member: JSONValue.Member,
        to response: inout HTTPResponse,
        path: String
    )
        throws(PatchRefusal)
    {
        let value = member.value
        switch member.name {
        case "status_code":
            let status = try value.integer(at: path, in: 200...999)
            let isUsual = response.reason == HTTPSyntax.reason(of: response.status)
            if isUsual, named["response"]?["reason"] == nil {
                response.reason = HTTPSyntax.reason(of: status)
            }
            response.status = status
        case "reason":
            response.reason = try value.bytes(at: path)
            guard ByteClass.fieldContent.containsAll(response.reason) else {
                throw PatchRefusal(path, "has a control character")
            }
        case "headers": response.headers = try headers(value, replacing: response.headers, path: path)
        case "content": response.body = try content(value, replacing: response.body, path: path)
        case "trailers": response.trailers = try trailers(value, replacing: response.trailers, path: path)
        case "stream": responseStream = try stream(value, body: response.body, path: path)
        default:
            throw responseMembers.contains(member.name) ? .readOnly(path) : PatchRefusal(path, "no such field")
        }
    }

    // MARK: Both

    private func content(_ value: JSONValue, replacing body: Body, path: String) throws(PatchRefusal) -> Body {
        guard body.isComplete else {
            throw PatchRefusal(path, "the body is not there at this event; set it when the whole message is")
        }
        let new = try value.byteBuffer(at: path)
        return view.decodes && body.plain != nil ? .plain(new) : .whole(new)
    }

    /// Plain content goes on as the Content-Encoding that it then has says; a field that an addon without `decode`
    /// changed says something new about the bytes that are there.
    private func followCoding(
        of body: inout Body,
        _ new: HeaderFields,
        formerly old: HeaderFields,
        path: String
    ) throws(PatchRefusal) {
        guard new.values("content-encoding") != old.values("content-encoding") else { return }
        guard view.decodes, let plain = body.plain else {
            body.form = .coded
            return
        }
        do {
            _ = try ContentCodings(of: new)
        } catch {
            throw PatchRefusal(path + ".headers.content-encoding", "\(error)")
        }
        body = .plain(plain)
    }

    private func trailers(
        _ value: JSONValue,
        replacing old: HeaderFields?,
        path: String
    ) throws(PatchRefusal)
        -> HeaderFields?
    {
        value.isNull ? nil : try headers(value, replacing: old ?? HeaderFields(), path: path)
    }

    /// What addons make obeys the limits that peers obey.
    private func headers(
        _ value: JSONValue,
        replacing old: HeaderFields,
        path: String
    ) throws(PatchRefusal) -> HeaderFields {
        let new = try HeaderPatch.apply(value, to: old, at: path)
        let limits = flow.limits
        guard new.count <= limits.headFields || new.count <= old.count else {
            throw PatchRefusal(path, "has \(new.count) fields; head_fields_limit is \(limits.headFields)")
        }
        guard new.wireByteCount <= limits.headBytes || new.wireByteCount <= old.wireByteCount else {
            throw PatchRefusal(path, "has \(new.wireByteCount) bytes; head_size_limit is \(limits.headBytes)")
        }
        return new
    }

    private func stream(_ value: JSONValue, body: Body, path: String) throws(PatchRefusal) -> StreamMode {
        guard let mode = StreamMode(value) else {
            throw PatchRefusal(path, "found \(value.shortText); allowed: true, false, \"events\"")
        }
        guard mode == .off || body.bytes == nil || body.size == 0 else {
            throw PatchRefusal(path, "the body has been read already")
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
        let codings = new.values("transfer-encoding")
        if !codings.isEmpty, codings != old.values("transfer-encoding") {
            throw PatchRefusal(path + ".headers", "transfer-encoding is the daemon's to set")
        }
        let lengths = new.values("content-length")
        guard let body, !lengths.isEmpty, lengths != old.values("content-length") else { return }
        let length = String(body.size)
        guard body.isComplete, lengths.allSatisfy({ $0.elementsEqual(length.utf8) }) else {
            throw PatchRefusal(path + ".headers", "content-length contradicts the body of \(length) bytes")
        }
    }
}

extension HTTPFlow {
    /// Whether the server's response failed before its end, so that nothing of it is left to change.
    fileprivate var responseIsLost: Bool { failure != nil && response?.origin == .server }
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
