import AsyncHTTPClient
import BatonCore
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

// What all requests of the agent have in common.

/// - Parameter authorities: a PEM file; nil: the system's.
/// - Throws: where that file cannot be read as certificates.
func makeClient(
    redirects: HTTPClient.Configuration.RedirectConfiguration, timeout: HTTPClient.Configuration.Timeout,
    trusting authorities: String?
) throws -> HTTPClient {
    var configuration = HTTPClient.Configuration(redirectConfiguration: redirects, timeout: timeout)
    if let authorities {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authorities))
        configuration.tlsConfiguration = tls
    }
    configuration.httpVersion = .http1Only
    // What cannot be had is asked for again by who asks, at its own pace.
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
}

/// - Parameter token: a file's content, sent as a bearer token.
func headers(token: String?) -> HTTPHeaders {
    var headers: HTTPHeaders = ["User-Agent": "baton-agent"]
    if let token { headers.add(name: "Authorization", value: "Bearer " + firstLine(token)) }
    return headers
}

/// Seconds alone: a date, which HTTP allows, counts as nothing said.
func retryAfter(_ response: HTTPClientResponse, upTo limit: Int64) -> Interval? {
    response.headers.first(name: "Retry-After").flatMap { Int64($0) }.map { .seconds(min($0, limit)) }
}

/// What a file with one word in it says, without the end of its line.
func firstLine(_ text: String) -> String { String(text.prefix { !$0.isNewline }) }

/// A failure of the network in words, without what the URL may hold.
func reason(_ error: any Error) -> String {
    if let error = error as? HTTPClientError {
        switch error {
        case .readTimeout, .deadlineExceeded: return "the request timed out"
        case .connectTimeout: return "the connection timed out"
        case .redirectCycleDetected, .redirectLimitReached: return "too many redirects"
        case .remoteConnectionClosed: return "the connection was closed"
        default: return error.shortDescription
        }
    }
    if let error = error as? NIOConnectionError {
        return "cannot connect: " + (error.connectionErrors.first.map { "\($0.error)" } ?? "no address")
    }
    if error is NIOSSLError || error is NIOSSLExtraError || "\(error)".contains("CERTIFICATE") {
        return
            "the TLS handshake failed (\(error)): check that the expected authority issued the certificate, and for this host"
    }
    return String("\(error)".prefix(200))
}
