import AddonProtocol

extension UpstreamConnection {
    /// Adds the credentials of `upstream_auth`, for an upstream proxy or the server of a reverse proxy.
    func authorize(_ fields: inout HeaderFields, for client: Client) {
        guard let credentials = client.loop.options.upstreamAuth else { return }
        if takesAbsoluteForm { fields.set("Proxy-Authorization", credentials.field) }
        if destination == client.mode.reverseDestination, !isRedirected {
            fields.set("Authorization", credentials.field)
        }
    }
}
