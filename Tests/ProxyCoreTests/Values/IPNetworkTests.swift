import ProxyTLS
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct IPNetworkTests {
    @Test(
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false),
            ("192.0.2.128/25", "192.0.2.128", true),
            ("192.0.2.128/25", "192.0.2.127", false), ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false), ("fe80::/10", "febf::1", true),
            ("fe80::/10", "fec0::1", false), ("::/0", "2001:db8::1", true), ("2001:db8::1/128", "2001:db8::1", true),
        ] as [(String, String, Bool)]
    )
    func `which addresses a network has`(network: String, address: String, isInside: Bool) throws {
        let network = try #require(IPNetwork(parsing: network))
        #expect(network.contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(
        arguments: [
            "", "/", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.1/8",
            "10.0.0.0/ 8", "10.0.0/8", "[::1]", "[::1]/128", "fe80::1%eth0", "example.com", "fe80::/8", "10.0.0.0/x",
        ]
    )
    func `what is no network`(text: String) {
        #expect(IPNetwork(parsing: text) == nil)
    }

    @Test(arguments: ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1", "0.0.0.0/0"])
    func `how a network is written`(text: String) {
        #expect(IPNetwork(parsing: text)?.text == text)
    }

    @Test func `a network of one address is written as the address`() {
        #expect(IPNetwork(parsing: "192.0.2.1/32")?.text == "192.0.2.1")
    }
}

struct IPAddressKindTests {
    enum Kind { case loopback, privateUse, linkLocal, reserved, global }

    @Test(
        arguments: [
            ("127.0.0.1", .loopback), ("127.255.0.9", .loopback), ("::1", .loopback), ("0.0.0.0", .loopback),
            ("::", .loopback),
            ("::ffff:127.0.0.1", .loopback), ("64:ff9b::7f00:1", .loopback), ("10.1.2.3", .privateUse),
            ("172.15.255.255", .global), ("172.16.0.1", .privateUse), ("172.31.255.255", .privateUse),
            ("172.32.0.0", .global), ("192.168.0.1", .privateUse), ("100.64.0.1", .privateUse),
            ("100.128.0.1", .global),
            ("fd12::1", .privateUse), ("::ffff:10.0.0.1", .privateUse), ("169.254.169.254", .linkLocal),
            ("fe80::1", .linkLocal), ("192.0.2.1", .reserved), ("203.0.113.1", .reserved), ("2001:db8::1", .reserved),
            ("240.0.0.1", .reserved), ("8.8.8.8", .global), ("2606:4700::1111", .global), ("::ffff:8.8.8.8", .global),
        ] as [(String, Kind)]
    )
    func `what kind of address it is`(text: String, kind: Kind) throws {
        let address = try #require(IPAddress(text))
        #expect(address.isLoopback == (kind == .loopback))
        #expect(address.isPrivate == (kind == .privateUse))
        #expect(address.isLinkLocal == (kind == .linkLocal))
        #expect(address.isGlobal == (kind == .global))
    }
}
