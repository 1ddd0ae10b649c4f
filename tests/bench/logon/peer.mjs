// npm oidc-provider with its memory adapter, and refresh tokens as its own logons would have made them. Without the limit of 1,000
// entries that the adapter has by default: with 64 clients it forgets what is in use.
//
//   node peer.mjs opaque|jwt CLIENTS FILE    listens on the port it prints; the tokens are in FILE, one a line
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const library = `${process.env.CLIENTS}/node_modules/oidc-provider/lib`
const { default: Provider } = await import(pathToFileURL(`${library}/index.js`))
const { default: MemoryAdapter, setStorage } = await import(pathToFileURL(`${library}/adapters/memory_adapter.js`))
const { generateKeyPair, exportJWK } = await import(pathToFileURL(`${process.env.CLIENTS}/node_modules/jose/dist/webapi/index.js`))
const [, , form, count, file] = process.argv

const resource = 'urn:bench:api'
const { privateKey } = await generateKeyPair('ES256', { extractable: true })
const jwt = form === 'jwt'
// By another name, or the provider puts its own in its place.
class Unlimited extends MemoryAdapter {}
setStorage(new Map())
const provider = new Provider('http://127.0.0.1', {
  adapter: Unlimited,
  clients: [{
    client_id: 'cli',
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    redirect_uris: ['http://127.0.0.1/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    id_token_signed_response_alg: 'ES256',
  }],
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' }] },
  rotateRefreshToken: true,
  scopes: ['offline_access', 'api'],
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: jwt,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'api', accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
    },
  },
  ttl: { RefreshToken: 86_400, AccessToken: 600, Grant: 86_400 },
})

provider.on('grant.error', (_, error) => console.error(error.error_detail))
const server = provider.listen(0, '127.0.0.1', async () => {
  const client = await provider.Client.find('cli')
  const tokens = []
  for (let number = 0; number < Number(count); number += 1) {
    const accountId = `person-${number}`
    const grant = new provider.Grant({ clientId: 'cli', accountId })
    grant.addOIDCScope('offline_access api')
    if (jwt) grant.addResourceScope(resource, 'api')
    const grantId = await grant.save()
    const token = new provider.RefreshToken({
      client, accountId, grantId, gty: 'authorization_code', scope: 'offline_access api', resource: jwt ? resource : undefined,
    })
    tokens.push(await token.save())
  }
  writeFileSync(file, tokens.join('\n') + '\n')
  console.log(`port ${server.address().port}`)
})
