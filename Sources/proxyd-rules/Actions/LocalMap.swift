import AddonSDK

/// Answers requests with files of this machine.
struct LocalMap: Sendable {
    /// A file, or a folder of files.
    let path: String
    /// The prefix to remove from the request's path.
    let strip: String
    /// The files to answer with for a folder, in order of preference.
    let indexes: [String]
    /// Whether a request without a file continues to the server; otherwise it gets 404.
    let passesMissing: Bool

    /// - Parameter target: the request's path, with the query.
    /// - Returns: nil when the request continues to the server.
    func response(for target: String) throws -> HTTPResponse? {
        if LocalFile.isFile(path) { return try LocalFile.response(path) }
        let missing = passesMissing ? nil : HTTPResponse(status: 404)
        let raw = String(target.prefix { $0 != "?" && $0 != "#" })
        guard let relative = relativePath(raw), let found = LocalFile.below(path, relative) else { return missing }
        if LocalFile.isFile(found) { return relative.hasSuffix("/") ? missing : try LocalFile.response(found) }
        let index = indexes.compactMap { LocalFile.below(path, relative + "/" + $0) }.first(where: LocalFile.isFile)
        guard let index else { return missing }
        // Without the slash, relative links in the page would lead to the folder above.
        guard raw.hasSuffix("/") else {
            // Two leading slashes would name another host.
            let place = "/" + raw.drop { $0 == "/" } + "/" + target.dropFirst(raw.count)
            return HTTPResponse(status: 301, headers: ["location": place])
        }
        return try LocalFile.response(index)
    }

    private func relativePath(_ raw: String) -> String? {
        let (path, strip) = (raw.percentDecoded, strip.percentDecoded)
        guard !strip.isEmpty else { return path }
        guard path.hasPrefix(strip) else { return nil }
        let rest = path.dropFirst(strip.count)
        return rest.isEmpty || rest.hasPrefix("/") || strip.hasSuffix("/") ? String(rest) : nil
    }
}

/// A line of mitmproxy's `map_local`.
struct LocalPattern: Sendable {
    let condition: Condition?
    let pattern: Substitution
    let path: String

    /// The candidate files for the URL, best first, as mitmproxy derives them; nil when the pattern does not match.
    func candidates(for url: String) throws -> [String]? {
        guard let match = try pattern.firstMatch(in: url) else { return nil }
        guard !LocalFile.isFile(path) else { return [path] }
        let rest = match.rest.prefix { $0 != "?" }
        let suffix = match.group ?? String(rest.drop { $0 == "/" }.reversed().drop { $0 == "/" }.reversed())
        guard !suffix.isEmpty else { return [path + "/index.html"] }
        let decoded = suffix.percentDecoded
        // For mitmproxy such a URL has no candidates.
        guard !decoded.hasPrefix("/"), !decoded.split(separator: "/").contains("..") else { return [] }
        let escaped = String(decoded.map { Self.isKept($0) ? $0 : "_" })
        let names = decoded == escaped ? [decoded] : [decoded, escaped]
        return names.flatMap { [$0, $0 + "/index.html"] }.map { path + "/" + $0 }
    }

    private static func isKept(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "-_.=(),/".contains(character))
    }

    /// The first candidate that is a file inside its folder.
    func file(among candidates: [String]) -> String? {
        if candidates == [path] { return path }
        return candidates.lazy.compactMap { LocalFile.below(path, String($0.dropFirst(path.count))) }.first(
            where: LocalFile.isFile
        )
    }
}

extension [LocalPattern] {
    /// - Returns: nil when no pattern matches the URL; 404 when none of those that match has a file for it.
    func response(for url: String, of flow: RuleFlow) async throws -> HTTPResponse? {
        var isMeant = false
        for each in self where each.condition?.holds(for: flow) ?? true {
            guard let candidates = try await apart({ try each.candidates(for: url) }) else { continue }
            isMeant = isMeant || !candidates.isEmpty
            guard let file = each.file(among: candidates) else { continue }
            return try await apart { try LocalFile.response(file, ["server": "proxyd"]) }
        }
        return isMeant ? HTTPResponse(status: 404) : nil
    }
}
