import AddonProtocol
import ProxyCodecs

/// The page that tells whether a browser trusts the CA, and how to install it. It needs no scripts: it detects trust by
/// a style sheet that loads only over TLS.
struct SetupPage {
    /// The proxy's address as the browser knows it.
    var address: Authority
    /// Whether the browser came through the proxy.
    var isProxied: Bool
    /// Where to load the style sheet that detects trust: a name of the proxy that also leads to it over TLS.
    var trustCheck: Authority
    /// Where other machines can reach the proxy and this page; nil when they cannot.
    var proxy: Authority?
    var subject: String
    /// The SHA-256 digest, in hexadecimal digits.
    var fingerprint: String
    var notAfter: String

    /// Allows nothing from elsewhere except the style sheet, whose host may be any name of the proxy.
    static let policy = "default-src 'none'; style-src 'unsafe-inline' https:; frame-ancestors 'none'; base-uri 'none'"

    static let trustedStyle = ".untrusted{display:none}.trusted{display:block}\n"

    var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>proxyd: set-up</title>
        <style>\(Self.style)</style>
        </head>
        <body>
        <main>
        <h1>Set up proxyd</h1>
        \(status)
        \(downloads)
        \(phone)
        <h2>Install the certificate</h2>
        \(SetupGuide(proxy: proxy).sections.map(\.html).joined(separator: "\n"))
        \(facts)
        </main>
        <link rel="stylesheet" href="https://\(text(trustCheck.description(defaultPort: nil)))/trusted.css">
        </body>
        </html>

        """
    }

    private var status: String {
        let way =
            isProxied
            ? "This browser goes through the proxy."
            : """
            This page comes straight from the proxy: to go through it, set \(text(address.host)), port \(address.port ?? 80), as this \
            device’s HTTP proxy.
            """
        return """
            <p class="trusted" role="status"><strong>✓ The CA is trusted.</strong> This browser accepts the certificates of this proxy. \(way)</p>
            <p class="untrusted" role="status"><strong>✗ The CA is not trusted yet.</strong> This browser shows a warning for each HTTPS page \
            until the certificate below is installed. \(way)</p>
            """
    }

    private var downloads: String {
        let forms = [
            ("pem", "PEM", "Linux, macOS, iOS, Firefox, most programs"), ("cer", "CER", "Android, Windows"),
            ("p12", "P12", "where only PKCS #12 is taken; the password is empty"),
        ]
        let links = forms.map { form, name, use in
            "<li><a href=\"/cert/\(form)\" download=\"proxyd-ca-cert.\(form)\">\(name)</a> <span>\(use)</span></li>"
        }
        return "<h2>Get the certificate</h2>\n<ul class=\"forms\">\(links.joined())</ul>"
    }

    private var phone: String {
        let title = "<h2>Open this page on a phone</h2>"
        guard let proxy else {
            return """
                \(title)
                <p>Other devices do not reach this listener. Start the proxy with <code>--listen 0.0.0.0:8080</code> to open it to your \
                network.</p>
                """
        }
        let url = "http://\(text(proxy.description(scheme: "http")))/"
        let code = QRCode(url)?.svg(label: "QR code of \(url)") ?? ""
        return "\(title)\n<figure>\(code)<figcaption><a href=\"\(url)\">\(url)</a></figcaption></figure>"
    }

    private var facts: String {
        """
        <h2>Is it the right one?</h2>
        <p>Compare with what <code>proxyd ca</code> prints on the proxy’s machine. Anyone with the key of this CA can read the HTTPS \
        traffic of everyone who trusts it, so remove it when you are done.</p>
        <dl><dt>Subject</dt><dd>\(text(subject))</dd><dt>Valid until</dt><dd>\(text(notAfter))</dd>\
        <dt>SHA-256</dt><dd><code>\(fingerprintText(fingerprint))</code></dd></dl>
        """
    }

    private static let style = """
        :root{color-scheme:light dark;--line:#8886}body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:44rem;padding:1rem}\
        h2{margin-top:2rem}.trusted,.untrusted{border:2px solid;border-radius:.5rem;padding:.75rem 1rem}.trusted{display:none;\
        border-color:#2a8a3e}.untrusted{border-color:#c4501b}.forms{list-style:none;padding:0}.forms li{display:flex;align-items:center}.forms a{display:inline-block;\
        min-width:4rem;padding:.5rem 1rem;margin:.25rem .5rem .25rem 0;border:1px solid;border-radius:.5rem;text-align:center}\
        details{border-top:1px solid var(--line)}summary{cursor:pointer;padding:.6rem 0;font-weight:600}pre{overflow-x:auto;\
        padding:.6rem;border:1px solid var(--line);border-radius:.3rem}code{overflow-wrap:anywhere}figure{margin:0}\
        figure svg{width:12rem;max-width:100%}dt{font-weight:600}dd{margin:0 0 .5rem}
        """
}

/// Formats `dd678b…` as browsers and OpenSSL show it: `DD:67:8B:…`.
package func fingerprintText(_ digits: String) -> String {
    let pairs = stride(from: 0, to: digits.count, by: 2).map { digits.dropFirst($0).prefix(2).uppercased() }
    return pairs.joined(separator: ":")
}

/// Escapes text for HTML, including quoted attributes.
private func text(_ text: String) -> String {
    text.reduce(into: "") { escaped, character in
        switch character {
        case "&": escaped += "&amp;"
        case "<": escaped += "&lt;"
        case ">": escaped += "&gt;"
        case "\"": escaped += "&quot;"
        default: escaped.append(character)
        }
    }
}

extension SetupGuide.Section {
    fileprivate var html: String {
        let steps = steps.map { step in
            switch step {
            case .say(let words): "<p>\(text(words))</p>"
            case .run(let command): "<pre><code>\(text(command))</code></pre>"
            }
        }
        return "<details><summary>\(text(title))</summary>\(steps.joined())</details>"
    }
}
