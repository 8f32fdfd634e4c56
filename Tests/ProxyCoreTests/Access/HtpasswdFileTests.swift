import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct HtpasswdFileTests {
    /// Made by `htpasswd -m`, `-s`, `-B` and `openssl passwd -5`, `-6`, `-apr1`, `-1`.
    static let hashes = [
        ("apr pw", "$apr1$acBXwjGM$opufcLxTuJAf1efA9FGqG/"),
        ("a much longer password than sixteen bytes", "$apr1$ZYeZoloH$nQnpVZPurZdiLpbJ.IRSw/"),
        ("", "$apr1$TfoaoqTg$BXQQ.EyVY8sKimIXBkCIn/"),
        ("umlaut ä", "$apr1$ab$NVxt7LcF0sCF9BNRLZdQI1"),
        ("sha pw", "{SHA}7ubAkIthNAIpEJjMktYaoVaMPB8="),
        ("bcrypt pw", "$2y$05$q9ysqBGWSfHspA9mLmX0LOEHdnqYkp8wRlMKcN/tFy6xUC1MMWq5m"),
        ("sha256 pw", "$5$saltsalt$STlqoKHCnF1i9ueFNC1R64hQSdAimhXURwXHG4OpPZ5"),
        (
            "sha512 pw",
            "$6$saltsalt$O0zY7W88BzuzHXDM2z0/DwXtwU.zU5ByJxSXVZXz7gWBr0PTzfRWXDnP7qRPl9xjvwdBVXQtrijVhWI1fefZi."
        ),
        ("x", "$1$ab$e2KlfqG5YBMTjSz7XF.Eu1"),
    ]

    @Test(arguments: hashes)
    func matches(password: String, hash: String) throws {
        let file = try HtpasswdFile(
            parsing: Array("# users\n\nother:{SHA}7ubAkIthNAIpEJjMktYaoVaMPB8=\r\nann:\(hash)\n".utf8)
        )
        #expect(file.accepts(BasicCredentials(username: "ann", password: password)))
        #expect(!file.accepts(BasicCredentials(username: "ann", password: password + "x")))
        #expect(!file.accepts(BasicCredentials(username: "bob", password: password)))
        #expect(!file.accepts(BasicCredentials(username: "ann", password: password + "\0")))
    }

    @Test(arguments: [
        ("ann", "line 1 is not NAME:HASH"),
        ("a:{SHA}7ubAkIthNAIpEJjMktYaoVaMPB8=\nann:plain", "line 2: the hash of ann is not supported"),
        ("ann:R4QW56Rqe.alE", "line 1: the hash of ann"),
        ("ann:$apr1$toolongsalt$opufcLxTuJAf1efA9FGqG/", "line 1: the hash of ann"),
        ("ann:$99$salt$hash", "line 1: the hash of ann"),
        ("ann:{SHA}AAAA", "line 1: the hash of ann"),
    ])
    func refuses(text: String, reason: String) {
        let error = #expect(throws: HtpasswdFile.Broken.self) { try HtpasswdFile(parsing: Array(text.utf8)) }
        #expect(error?.description.hasPrefix(reason) == true)
    }

    @Test func ofTwoLinesForOneUserTheFirstCounts() throws {
        let lines = "ann:\(Self.hashes[0].1)\nann:\(Self.hashes[4].1)"
        let file = try HtpasswdFile(parsing: Array(lines.utf8))
        #expect(file.accepts(BasicCredentials(username: "ann", password: "apr pw")))
        #expect(!file.accepts(BasicCredentials(username: "ann", password: "sha pw")))
    }

    @Test func aFileThatIsNotThere() {
        let error = #expect(throws: HtpasswdFile.Broken.self) { try HtpasswdFile.read("/nonexistent/users") }
        #expect(error?.description == "/nonexistent/users: cannot open: No such file or directory")
    }
}

@Suite struct BasicCredentialsTests {
    @Test(arguments: ["Basic YW5uOnNlY3JldA==", "basic  YW5uOnNlY3JldA=="])
    func readsAField(field: String) {
        let credentials = BasicCredentials(username: "ann", password: "secret")
        #expect(BasicCredentials(field: Array(field.utf8)[...]) == credentials)
        #expect(credentials.field == "Basic YW5uOnNlY3JldA==")
    }

    @Test(arguments: ["", "Basic", "Basic !", "Basic YW5u", "Bearer YW5uOnNlY3JldA==", "Basic /zph"])
    func refusesOtherFields(field: String) {
        #expect(BasicCredentials(field: Array(field.utf8)[...]) == nil)
    }
}
