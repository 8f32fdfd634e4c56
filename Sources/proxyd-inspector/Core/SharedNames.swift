import AddonProtocol
import FlyingFox

// What is meant by names that more than one of the modules here has.

typealias JSONValue = AddonProtocol.JSONValue
/// What the page sends, not what a flow has.
typealias HTTPRequest = FlyingFox.HTTPRequest
/// What the page gets.
typealias HTTPResponse = FlyingFox.HTTPResponse
