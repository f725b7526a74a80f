#include "service/vpn/conf.h"

static const char *const roaming_choices[] = {[VPN_ROAMING_STRICT] = "strict",
					      [VPN_ROAMING_SAME_ADDRESS] = "same-address",
					      [VPN_ROAMING_BROWSER_PROOF] = "browser-proof",
					      NULL};

const char *const vpn_names_algorithms[] = {"hmac-sha256", "hmac-sha384", "hmac-sha512",
					    "hmac-sha224", "hmac-sha1",	  NULL};

static const struct config_key attempts_keys[] = {
	{.name = "user",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct vpn_attempts_conf, user),
	 .min = 1,
	 .max = 1000,
	 .fallback = "5",
	 .help = "failures of one user before the first pause"},
	{.name = "peer",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct vpn_attempts_conf, peer),
	 .min = 1,
	 .max = 1000,
	 .fallback = "5",
	 .help = "failures through one peer before the first pause"},
	{.name = "address",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct vpn_attempts_conf, address),
	 .min = 1,
	 .max = 1000,
	 .fallback = "20",
	 .help = "failures from one outer address before the first pause"},
	{.name = "delay",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct vpn_attempts_conf, delay_ms),
	 .min = 100,
	 .max = 3600000,
	 .fallback = "1s",
	 .help = "the first pause; each failure doubles it"},
	{.name = "delay-max",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct vpn_attempts_conf, delay_max_ms),
	 .min = 1000,
	 .max = 86400000,
	 .fallback = "15m",
	 .help = "the longest pause"},
};

static const struct config_map attempts_map = {
	.help = "How often people may fail",
	.size = sizeof(struct vpn_attempts_conf),
	CONFIG_KEYS(attempts_keys),
};

static const struct config_key password_keys[] = {
	{.name = "memory",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct vpn_password_conf, memory_bytes),
	 .min = 8192,
	 .max = 1073741824,
	 .fallback = "64M",
	 .help = "what each hash fills; as much is needed while one is computed, one at a time"},
	{.name = "passes",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct vpn_password_conf, passes),
	 .min = 1,
	 .max = 100,
	 .fallback = "3",
	 .help = "how often"},
};

static const struct config_map password_map = {
	.help = "Costs of a password's hash (Argon2id, RFC 9106). Hashes that are there keep the "
		"costs "
		"that they were made at",
	.size = sizeof(struct vpn_password_conf),
	CONFIG_KEYS(password_keys),
};

static const struct config_key signin_keys[] = {
	{.name = "name",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct vpn_signin_conf, name),
	 .example = "login.vpn.home.arpa",
	 .help = "the page's name: whom it is closed to, it always resolves to the page"},
	{.name = "addresses",
	 .type = CONFIG_ADDRESS,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct vpn_signin_conf, addresses),
	 .items_max = VPN_ADDRESSES_MAX,
	 .example = "10.9.0.1",
	 .help = "where the page is, inside the tunnels: own addresses of this gateway; those of "
		 "all interfaces with a peer of `sign-in: required` unless set"},
	{.name = "port",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct vpn_signin_conf, port),
	 .min = 1,
	 .max = 65535,
	 .fallback = "443",
	 .help = "of the page (HTTPS)"},
	{.name = "redirect-port",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct vpn_signin_conf, redirect_port),
	 .min = 1,
	 .max = 65535,
	 .fallback = "80",
	 .help = "where requests for other pages are led, to be answered with a redirect (HTTP)"},
	{.name = "certificate",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct vpn_signin_conf, certificate),
	 .example = "login.pem",
	 .help = "a chain of certificates (PEM) for `name`; unless set, one of the gateway's own "
		 "authority, which is made at the first start and whose certificate clients must "
		 "trust"},
	{.name = "certificate-key",
	 .type = CONFIG_SECRET,
	 CONFIG_FIELD(struct vpn_signin_conf, certificate_key),
	 .min = 1,
	 .max = 4096,
	 .example = "file:login.key",
	 .help = "the private key (PEM) of `certificate`"},
	{.name = "session",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct vpn_signin_conf, session_ms),
	 .min = 1000,
	 .max = 2592000000,
	 .fallback = "12h",
	 .help = "how long a peer stays open after a sign-in"},
	{.name = "idle",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct vpn_signin_conf, idle_ms),
	 .max = 2592000000,
	 .fallback = "30m",
	 .help = "it closes after so long without traffic, keepalives not counted; 0 is never"},
	{.name = "roaming",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct vpn_signin_conf, roaming),
	 .choices = roaming_choices,
	 .fallback = "browser-proof",
	 .help = "when the peer's outer endpoint moves: `strict` closes it, `same-address` only "
		 "when "
		 "the address is another one, `browser-proof` until the page sees its browser "
		 "again, "
		 "without a new sign-in"},
	{.name = "time-servers",
	 .type = CONFIG_ADDRESS,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct vpn_signin_conf, time_servers),
	 .items_max = 8,
	 .example = "10.9.0.1",
	 .help = "servers of time (NTP) that closed peers reach"},
	{.name = "attempts",
	 .type = CONFIG_MAP,
	 .map = &attempts_map,
	 CONFIG_FIELD(struct vpn_signin_conf, attempts),
	 .help = "how often people may fail"},
	{.name = "password",
	 .type = CONFIG_MAP,
	 .map = &password_map,
	 CONFIG_FIELD(struct vpn_signin_conf, password),
	 .help = "what a guess at a password costs who has stolen the hashes"},
	{.name = "issuer",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct vpn_signin_conf, issuer),
	 .min = 1,
	 .max = 64,
	 .fallback = "gatehouse",
	 .help = "what authenticator apps show beside the user's name"},
};

static void signin_check(const void *conf, struct config_at *at)
{
	const struct vpn_signin_conf *s = conf;
	if (!s->certificate != !s->certificate_key.len)
		config_fail(at, s->certificate ? "certificate" : "certificate-key",
			    "`certificate` and `certificate-key` go together");
	if (s->port == s->redirect_port)
		config_fail(at, "redirect-port", "the page itself has port %u; write another one",
			    s->port);
	if (s->idle_ms > s->session_ms)
		config_fail(at, "idle", "it is longer than `session`");
	if (s->attempts.delay_ms > s->attempts.delay_max_ms)
		config_fail_inside(
			at, (struct config_step[]){{"attempts", CONFIG_STEP_WHOLE}, {"delay", 0}},
			2, "it is longer than `delay-max`");
}

const struct config_map vpn_signin_conf_map = {
	.help = "The page where people sign in",
	.size = sizeof(struct vpn_signin_conf),
	CONFIG_KEYS(signin_keys),
	.check = signin_check,
	.example = "name: login.vpn.home.arpa\nsession: 12h",
};

static const struct config_key names_keys[] = {
	{.name = "server",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct vpn_names_conf, server),
	 .port = 53,
	 .help = "the authoritative server that takes the updates: this suite's, BIND, Knot",
	 .example = "127.0.0.1:5300"},
	{.name = "zone",
	 .type = CONFIG_NAME,
	 CONFIG_FIELD(struct vpn_names_conf, zone),
	 .help = "the zone that holds the interfaces' `domain`; that itself unless set",
	 .example = "home.arpa"},
	{.name = "reverse",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct vpn_names_conf, reverse),
	 .items_max = 64,
	 .help = "the zones for names of addresses; an address that lies in none has none",
	 .example = "[0.9.10.in-addr.arpa]"},
	{.name = "key",
	 .type = CONFIG_NAME,
	 CONFIG_FIELD(struct vpn_names_conf, key),
	 .help = "the name of the key that signs the updates (TSIG, RFC 8945); unsigned unless set",
	 .example = "vpn-key"},
	{.name = "algorithm",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct vpn_names_conf, algorithm),
	 .choices = vpn_names_algorithms,
	 .fallback = "hmac-sha256",
	 .help = "how they are signed"},
	{.name = "secret",
	 .type = CONFIG_SECRET,
	 CONFIG_FIELD(struct vpn_names_conf, secret),
	 .max = 684,
	 .help = "the key's secret in base64, at least 16 octets",
	 .example = "file:vpn-key.secret"},
	{.name = "ttl",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct vpn_names_conf, ttl_ms),
	 .min = 1000,
	 .max = 86400000,
	 .fallback = "5m",
	 .help = "how long others may hold a record"},
};

static void names_check(const void *conf, struct config_at *at)
{
	const struct vpn_names_conf *n = conf;
	if (n->key.len && !vpn_conf_tsig_secret_is_right(n->secret))
		config_fail(at, "secret", "write base64 of at least 16 octets");
	if (!n->key.len && n->secret.len)
		config_fail(at, "secret", "it needs the name of its `key`");
}

const struct config_map vpn_names_conf_map = {
	.help = "Peers become names by DNS UPDATE (RFC 2136)",
	.size = sizeof(struct vpn_names_conf),
	CONFIG_KEYS(names_keys),
	.check = names_check,
	.example = "server: 127.0.0.1:5300\nzone: home.arpa\nkey: vpn-key\n"
		   "secret: c2l4dGVlbiBvY3RldHMgb3IgbW9yZQ==",
};
