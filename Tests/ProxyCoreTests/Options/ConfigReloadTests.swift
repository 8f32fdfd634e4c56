import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// The changes of a running daemon that follow from two configs, read one after the other.
struct ConfigReloadTests {
    private func options(_ set: String...) throws -> Options {
        var sources = OptionSources()
        sources.set = ["confdir=/nonexistent"] + set
        sources.addons = ["addon=true"]
        return try sources.load()
    }

    private func reload(_ former: Options, _ new: Options) -> ConfigReload { ConfigReload(from: former, to: new) }

    @Test func `the same config asks for nothing`() throws {
        let same = try options("hold_limit=1m", "theirs=1")
        #expect(reload(same, same) == reload(Options(), Options()))
        #expect(reload(same, same).changes.isEmpty)
    }

    @Test func `an option that is set changes, and one that is no more has its default again`() throws {
        let reload = try reload(options("hold_limit=1m"), options("drain_timeout=9"))
        #expect(reload.changes == ["hold_limit": 67_108_864, "drain_timeout": 9])
        #expect(reload.atNextStart.isEmpty)
    }

    @Test func `what is read only at the start is named`() throws {
        let reload = try reload(options(), options("threads=3"))
        #expect(reload.changes.isEmpty)
        #expect(reload.atNextStart == ["threads"])
    }

    @Test func `options of addons are set, changed and taken back`() throws {
        let reload = try reload(options("same=1", "changed=1", "taken_back=1"), options("same=1", "changed=2", "new=1"))
        let values = reload.deferred.mapValues { $0?.value }
        #expect(values == ["changed": .texts(["2"]), "taken_back": nil, "new": .texts(["1"])])
    }
}
