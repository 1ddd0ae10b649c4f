// What an application written with openid-client does with the server. Its parts are chosen by `part` in the settings.
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const library = `${process.env.CLIENTS}/node_modules/openid-client/build/index.js`
const client = await import(pathToFileURL(library))

const settings = JSON.parse(process.argv[2])
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n')
const ask = async (what) => (say(what), (await answers.next()).value)

const authentication = { none: client.None, basic: client.ClientSecretBasic, post: client.ClientSecretPost }[settings.authentication ?? 'none']
const config = await client.discovery(
  new URL(settings.issuer),
  settings.client_id,
  { [client.clockSkew]: settings.ahead ?? 0 },
  authentication(settings.client_secret),
  { algorithm: 'oauth2', execute: [client.allowInsecureRequests] },
)

// A logon in the browser, to where it leads back; with its verifier and state.
async function logOn(parameters = {}) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: settings.redirect_uri,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    ...parameters,
  })
  const callback = new URL(await ask({ visit: address.href }))
  return { callback, checks: { pkceCodeVerifier, expectedState } }
}

// What the server says no with; the library throws it.
async function refusal(promise) {
  try {
    await promise
  } catch (refused) {
    if (refused.error) return { error: refused.error, status: refused.status }
    throw refused
  }
  throw new Error('the server should have refused')
}

// One request to the API with a token; the status.
async function api(token, options) {
  try {
    return (await client.fetchProtectedResource(config, token, new URL('/api/v1/requests', settings.issuer), 'GET', undefined, undefined, options)).status
  } catch (refused) {
    if (refused.cause?.length) return 401
    throw refused
  }
}

const parts = {
  // The code of a logon, once, with its verifier and its state.
  async code() {
    const metadata = config.serverMetadata()
    const { callback, checks } = await logOn()
    const first = await client.authorizationCodeGrant(config, callback, checks)
    const status = await api(first.access_token)
    const again = await refusal(client.authorizationCodeGrant(config, callback, checks))
    return { metadata, callback: callback.href, first, status, again, after: await api(first.access_token) }
  },

  // Rotation, the answer that was lost, and the token that was stolen.
  async refresh() {
    const { callback, checks } = await logOn()
    const first = await client.authorizationCodeGrant(config, callback, checks)
    const second = await client.refreshTokenGrant(config, first.refresh_token)
    const lost = await client.refreshTokenGrant(config, first.refresh_token)
    const third = await client.refreshTokenGrant(config, second.refresh_token)
    const alive = await api(third.access_token)
    await ask({ pass_seconds: settings.window })
    const stolen = await refusal(client.refreshTokenGrant(config, second.refresh_token))
    const over = await refusal(client.refreshTokenGrant(config, third.refresh_token))
    return { first, second, lost, third, alive, stolen, over, after: await api(third.access_token) }
  },

  // What a confidential application asks about a token, and how it gives it back.
  async revoke() {
    const { callback, checks } = await logOn()
    const tokens = await client.authorizationCodeGrant(config, callback, checks)
    const told = await client.tokenIntrospection(config, tokens.access_token)
    await client.tokenRevocation(config, tokens.refresh_token)
    await client.tokenRevocation(config, 'never-was-a-token')
    const after = await client.tokenIntrospection(config, tokens.access_token)
    const over = await refusal(client.refreshTokenGrant(config, tokens.refresh_token))
    return { told, after, over, status: await api(tokens.access_token) }
  },

  // Tokens that are bound to a key (RFC 9449).
  async dpop() {
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    const other = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    const { callback, checks } = await logOn()
    const first = await client.authorizationCodeGrant(config, callback, checks, undefined, { DPoP })
    const second = await client.refreshTokenGrant(config, first.refresh_token, undefined, { DPoP })
    const bound = await api(second.access_token, { DPoP })
    const asBearer = await api(second.access_token)
    const byAnother = await api(second.access_token, { DPoP: other })
    const refreshedByAnother = await refusal(client.refreshTokenGrant(config, second.refresh_token, undefined, { DPoP: other }))
    const refreshedBare = await refusal(client.refreshTokenGrant(config, second.refresh_token))
    return { type: second.token_type, bound, asBearer, byAnother, refreshedByAnother, refreshedBare }
  },

  // A device without a browser (RFC 8628): its code is confirmed elsewhere.
  async device() {
    const begun = await client.initiateDeviceAuthorization(config, {})
    await ask({ confirm: begun.verification_uri_complete, user_code: begun.user_code })
    const tokens = await client.pollDeviceAuthorizationGrant(config, begun)
    return { begun, tokens, status: await api(tokens.access_token) }
  },
}

say({ done: await parts[settings.part]() })
process.exit(0)
