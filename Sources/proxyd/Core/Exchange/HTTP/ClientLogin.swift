import AddonProtocol
import NIOCore

/// A client's login at this proxy (RFC 9110, section 11): once per connection for tunnels by CONNECT or SOCKS,
/// otherwise with each request.
struct ClientLogin {
    let client: Client
    let flow: HTTPFlow

    /// Notes the user in `metadata.proxyauth`, or sets a response that asks for a login.
    func run() async {
        guard let authenticator = client.loop.material.authenticator else { return }
        if let known = client.credentials { return note(known) }
        let values =
            client.mode.isReverse
            ? flow.request.headers.values("authorization") : flow.request.headers.values("proxy-authorization")
        guard values.count == 1, let credentials = BasicCredentials(field: values[0]),
            await authenticator.accepts(credentials)
        else { return refuse() }
        note(credentials)
        if client.mode.isReverse {
            flow.request.headers.remove("authorization")
        } else {
            flow.request.headers.remove("proxy-authorization")
        }
        if flow.request.method == "CONNECT" { client.credentials = credentials }
    }

    private func note(_ credentials: BasicCredentials) {
        flow.notes.set(.init("proxyauth", credentials.json))
    }

    private func refuse() {
        let (status, field) = client.mode.isReverse ? (401, "WWW-Authenticate") : (407, "Proxy-Authenticate")
        var response = HTTPResponse.page(status, "this proxy requires a login")
        response.headers.append(field, "Basic realm=\"proxyd\"")
        flow.response = response
    }
}
