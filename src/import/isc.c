/* dhcpd.conf: statements that end with `;`, and blocks of statements (dhcpd.conf(5)). */
#include "import/formats.h"
#include "import/isc_match.h"
#include "import/isc_option.h"
#include "import/isc_prefix.h"

#include "proto/ip/prefix.h"

#define TEXT(s) (int)(s).len, (const char *)(s).data

enum { DEPTH_MAX = 32 };

struct file {
	struct import_site *site;
	struct isc_lexer lexer;
	struct isc_definition *definitions;
};

/* Where a statement stands: each NULL when it stands in none. */
struct place {
	struct import_scope *scope; /* of the innermost block */
	struct import_network *network;
	struct pool_block *pool_block;
	struct import_reservation *host;
	struct import_class *class;
	struct span link;      /* name of the shared network */
	struct around *around; /* of the innermost block around networks */
	unsigned depth;
};

/* What a block around networks says of them all. */
struct around {
	bool authoritative, not_authoritative;
	struct span interface;
};

/* What a `pool` block says before and after its ranges. */
struct pool_block {
	struct import_texts classes;
	struct import_scope scope;
	bool fixed;
	struct import_pool *pools; /* its ranges, by next_of_block */
};

static void statements(struct file *f, const struct place *p);

/* Takes a `{ … }`; a note when it is not there. */
static void block(struct file *f, const struct place *p)
{
	if (!isc_is(&f->lexer, '{')) {
		import_note(f->site, f->lexer.token.line, "expected { here, found %.*s",
			    TEXT(f->lexer.token.text));
		isc_skip_statement(&f->lexer);
		return;
	}
	if (p->depth == DEPTH_MAX) {
		import_note(f->site, f->lexer.token.line, "blocks are nested too deep here");
		isc_skip_statement(&f->lexer);
		return;
	}
	isc_next(&f->lexer);
	statements(f, p);
	if (isc_is(&f->lexer, '}'))
		isc_next(&f->lexer);
}

/* The present word, passed. */
static struct span word(struct file *f)
{
	struct span text = {0};

	if (f->lexer.token.kind == ISC_WORD || f->lexer.token.kind == ISC_STRING) {
		text = f->lexer.token.text;
		isc_next(&f->lexer);
	}
	return text;
}

/* --- blocks --- */

static void subnet(struct file *f, const struct place *p, bool ipv6)
{
	uint32_t line = f->lexer.token.line;
	struct span first = word(f);
	struct ip_prefix prefix;
	char text[IP_PREFIX_TEXT_MAX];
	enum err e;

	if (ipv6) {
		e = ip_prefix_parse_masked(first, &prefix);
	} else {
		struct ip_address address, mask;
		unsigned bits = 0;
		bool masked = isc_is_word(&f->lexer, "netmask");
		if (masked)
			isc_next(&f->lexer);
		e = ip_address_parse(first, &address);
		if (!e && (!masked || ip_address_parse(word(f), &mask) || mask.family != 4))
			e = ERR_FORMAT;
		while (!e && bits < 32 && (mask.bytes[bits / 8] & 0x80 >> bits % 8))
			bits++;
		if (!e)
			prefix = ip_prefix_of(&address, bits);
	}
	if (e) {
		import_note(f->site, line, "no subnet: %.*s", TEXT(first));
		isc_skip_statement(&f->lexer);
		return;
	}
	size_t len = ip_prefix_format(&prefix, text);
	struct import_network *n = import_network_add(f->site, ipv6, span_of(text, len), line);
	n->link = p->link;
	block(f, &(struct place){
			 .scope = &n->scope, .network = n, .link = p->link, .depth = p->depth + 1});
}

/* A shared network is one link: the interface that one of them names is that of all. */
static void interface_share(struct import_network *first, struct span *interface)
{
	for (struct import_network *n = first; n; n = n->next)
		if (!interface->len)
			*interface = n->interface;
	for (struct import_network *n = first; n; n = n->next)
		n->interface = n->interface.len ? n->interface : *interface;
}

/* Blocks whose statements hold for what is declared inside: shared-network, group. */
static void around(struct file *f, const struct place *p, struct span link)
{
	struct import_site *s = f->site;
	struct import_scope scope = {.lease_s = 0};
	struct import_network *n4 = s->networks_last, *n6 = s->networks6_last;
	struct import_reservation *host = s->reservations_last;
	struct around says = {.authoritative = false};
	struct place inner = *p;

	inner.around = &says;
	inner.scope = &scope;
	inner.link = link;
	inner.depth = p->depth + 1;
	block(f, &inner);
	n4 = n4 ? n4->next : s->networks;
	n6 = n6 ? n6->next : s->networks6;
	if (link.len) {
		interface_share(n4, &says.interface);
		interface_share(n6, &says.interface);
	}
	for (; n4; n4 = n4->next) {
		import_scope_inherit(s, &n4->scope, &scope);
		if (!n4->authoritative && !n4->not_authoritative) {
			n4->authoritative = says.authoritative;
			n4->not_authoritative = says.not_authoritative;
		}
	}
	for (; n6; n6 = n6->next)
		import_scope_inherit(s, &n6->scope, &scope);
	for (host = host ? host->next : s->reservations; host; host = host->next)
		import_scope_inherit(s, &host->scope, &scope);
}

static void pool(struct file *f, const struct place *p)
{
	struct pool_block b = {.pools = NULL};
	struct place inner = *p;

	inner.scope = &b.scope;
	inner.pool_block = &b;
	inner.depth = p->depth + 1;
	block(f, &inner);
	for (struct import_pool *made = b.pools; made; made = made->next_of_block) {
		made->classes = b.classes;
		made->allocate = b.fixed ? IMPORT_FIXED : made->allocate;
		import_scope_inherit(f->site, &made->scope, &b.scope);
	}
}

static void host(struct file *f, const struct place *p)
{
	uint32_t line = f->lexer.token.line;
	struct span name = word(f);
	struct import_reservation *r = import_reservation_add(f->site, NULL, line);

	block(f, &(struct place){.scope = &r->scope, .host = r, .depth = p->depth + 1});
	if (!r->name.len)
		r->name = import_copy(f->site, name);
}

static void class(struct file *f, const struct place *p)
{
	uint32_t line = f->lexer.token.line;
	struct import_class *c = import_class_get(f->site, word(f), line);

	block(f, &(struct place){.scope = &c->scope, .class = c, .depth = p->depth + 1});
}

/* subclass "NAME" 1:00:11:22:33:44:55 [{ … }]; */
static void subclass(struct file *f, const struct place *p)
{
	uint32_t line = f->lexer.token.line;
	struct import_class *c = import_class_get(f->site, word(f), line);
	struct span value = f->lexer.token.text;
	bool text = f->lexer.token.kind == ISC_STRING;

	isc_next(&f->lexer);
	isc_match_value(f->site, c, value, text, line);
	if (isc_is(&f->lexer, '{'))
		block(f, &(struct place){.scope = &c->scope, .class = c, .depth = p->depth + 1});
	else if (isc_is(&f->lexer, ';'))
		isc_next(&f->lexer);
}

/* --- statements --- */

static void range(struct file *f, const struct place *p, bool ipv6)
{
	uint32_t line = f->lexer.token.line;
	struct ip_prefix prefix;

	if (isc_is_word(&f->lexer, "dynamic-bootp")) {
		import_note(f->site, line, "BOOTP clients are not served");
		isc_next(&f->lexer);
	}
	struct span first = word(f), last = word(f);
	/* A pool of a shared network: its ranges tell of which subnet they are. */
	struct import_network *n = p->network ? p->network : import_network_of(f->site, first);
	struct import_pool *pool = NULL;
	if (ipv6 && span_equal_nocase(last, span_text("temporary")))
		import_note(f->site, line, "addresses that are temporary are not given: %.*s",
			    TEXT(first));
	else if (!n || (!p->network && !p->pool_block))
		import_note(f->site, line, "a range outside of a subnet");
	else if (ipv6 && !last.len && !ip_prefix_parse_masked(first, &prefix))
		pool = import_pool_add(f->site, n, first, (struct span){0}, line);
	else if (first.len)
		pool = import_pool_add(f->site, n, first, last.len ? last : first, line);
	if (pool && p->pool_block && !f->site->failed) {
		pool->next_of_block = p->pool_block->pools;
		p->pool_block->pools = pool;
	}
	isc_skip_statement(&f->lexer);
}

static uint64_t number(struct span text)
{
	uint64_t n = 0;
	return span_to_u64(text, 128, &n) ? n : 0;
}

/* prefix6 LOW HIGH / BITS; */
static void prefix6(struct file *f, const struct place *p)
{
	uint32_t line = f->lexer.token.line;
	struct span low = word(f), high = word(f);
	struct ip_address a, b;
	uint64_t bits = 0;

	if (f->lexer.token.kind == ISC_WORD && f->lexer.token.text.len > 1)
		bits = number(span_sub(f->lexer.token.text, 1, 3));
	else if (isc_is_word(&f->lexer, "/")) {
		isc_next(&f->lexer);
		bits = number(f->lexer.token.text);
	}
	isc_skip_statement(&f->lexer);
	if (!p->network || ip_address_parse(low, &a) || ip_address_parse(high, &b) || !bits ||
	    bits > 64 || a.family != 6 || b.family != 6) {
		import_note(f->site, line, "prefixes to delegate are not understood here");
		return;
	}
	isc_prefixes_add(f->site, p->network, &(struct ip_range){a, b}, (unsigned)bits, line);
}

static void seconds(struct file *f, uint64_t *to)
{
	uint32_t line = f->lexer.token.line;
	struct span text = word(f);

	if (span_equal_nocase(text, span_text("infinite")))
		*to = UINT32_MAX - 1; /* the longest that has an end, in 136 years */
	else if (!span_to_u64(text, UINT32_MAX, to))
		import_note(f->site, line, "no number of seconds: %.*s", TEXT(text));
	isc_skip_statement(&f->lexer);
}

static void text_to(struct file *f, struct span *to)
{
	*to = import_copy(f->site, word(f));
	isc_skip_statement(&f->lexer);
}

static void hardware(struct file *f, const struct place *p)
{
	uint32_t line = f->lexer.token.line;
	bool ethernet = isc_is_word(&f->lexer, "ethernet");

	(void)word(f);
	struct span mac = word(f);
	if (p->host && ethernet)
		p->host->mac = import_copy(f->site, mac);
	else
		import_note(f->site, line, "hardware that is no Ethernet is not carried over");
	isc_skip_statement(&f->lexer);
}

static void fixed_address(struct file *f, const struct place *p)
{
	uint32_t line = f->lexer.token.line;

	if (p->host)
		p->host->address = import_copy(f->site, word(f));
	if (isc_is(&f->lexer, ','))
		import_note(f->site, line, "a host with several addresses: the first was kept");
	isc_skip_statement(&f->lexer);
}

static bool is_ipv6(const struct import_network *n)
{
	return span_find(n->subnet, ':') < n->subnet.len;
}

/* option dhcp-client-identifier, host-name inside of a host; else an option to send. */
static void option(struct file *f, const struct place *p)
{
	bool id = isc_is_word(&f->lexer, "dhcp-client-identifier");
	bool name = isc_is_word(&f->lexer, "host-name");

	if (p->host && (id || name)) {
		isc_next(&f->lexer);
		bool text = f->lexer.token.kind == ISC_STRING;
		struct span value = word(f);
		if (name)
			p->host->name = import_copy(f->site, value);
		else
			p->host->client_id =
				text ? import_copy(f->site, value) : import_hex(f->site, value);
		isc_skip_statement(&f->lexer);
		return;
	}
	bool of_network6 = p->network && p->scope == &p->network->scope && is_ipv6(p->network);
	isc_option_take(f->site, &f->lexer, &f->definitions,
			&(struct isc_option_place){
				.four = &p->scope->options,
				.six = of_network6		     ? &p->network->scope.options
				       : p->scope == &f->site->scope ? &f->site->scope6.options
								     : NULL,
			});
}

/* host-identifier option dhcp6.client-id 00:01:…; option agent.circuit-id "…"; */
static void host_identifier(struct file *f, const struct place *p)
{
	uint32_t line = f->lexer.token.line;

	if (isc_is_word(&f->lexer, "option"))
		isc_next(&f->lexer);
	struct span name = word(f);
	bool text = f->lexer.token.kind == ISC_STRING;
	struct span value = word(f);
	struct span octets = text ? import_copy(f->site, value) : import_hex(f->site, value);
	if (p->host && span_equal_nocase(name, span_text("dhcp6.client-id")))
		p->host->duid = import_copy(f->site, value);
	else if (p->host && span_equal_nocase(name, span_text("agent.circuit-id")))
		p->host->circuit_id = octets;
	else if (p->host && span_equal_nocase(name, span_text("agent.remote-id")))
		p->host->remote_id = octets;
	else
		import_note(f->site, line, "a host known by %.*s is not carried over", TEXT(name));
	isc_skip_statement(&f->lexer);
}

/* allow members of "x"; deny unknown-clients; … */
static void permit(struct file *f, const struct place *p, bool allow)
{
	uint32_t line = f->lexer.token.line;
	struct span what = word(f);

	if (allow && p->pool_block && span_equal_nocase(what, span_text("members"))) {
		if (isc_is_word(&f->lexer, "of"))
			isc_next(&f->lexer);
		import_text_add(f->site, &p->pool_block->classes, word(f));
	} else if (p->pool_block && span_equal_nocase(what, span_text(allow ? "known-clients"
									    : "unknown-clients"))) {
		p->pool_block->fixed = true;
	} else {
		import_note(f->site, line, "%s %.*s is not carried over", allow ? "allow" : "deny",
			    TEXT(what));
	}
	isc_skip_statement(&f->lexer);
}

static void authoritative(struct file *f, const struct place *p, bool is)
{
	if (p->network) {
		p->network->authoritative = is;
		p->network->not_authoritative = !is;
	} else if (p->around) {
		p->around->authoritative = is;
		p->around->not_authoritative = !is;
	} else {
		f->site->authoritative = is;
	}
	isc_skip_statement(&f->lexer);
}

static void match(struct file *f, const struct place *p)
{
	if (p->class)
		isc_match_take(f->site, &f->lexer, f->definitions, p->class);
	else
		isc_skip_statement(&f->lexer);
}

/* What is said in two words or less. */
static bool statement_simple(struct file *f, const struct place *p, struct span w)
{
	struct import_scope *scope = p->scope;
	const struct {
		const char *word;
		uint64_t *seconds;
		struct span *text;
	} simple[] = {
		{"default-lease-time", &scope->lease_s, NULL},
		{"max-lease-time", &scope->lease_max_s, NULL},
		{"min-lease-time", &scope->lease_min_s, NULL},
		{"dhcp-renewal-time", &scope->renew_s, NULL},
		{"dhcp-rebinding-time", &scope->rebind_s, NULL},
		{"preferred-lifetime", &scope->preferred_s, NULL},
		{"next-server", NULL, &scope->next_server},
		{"filename", NULL, &scope->boot_file},
		{"server-name", NULL, &scope->server_name},
	};
	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
		if (!span_equal_nocase(w, span_text(simple[i].word)))
			continue;
		if (simple[i].seconds)
			seconds(f, simple[i].seconds);
		else
			text_to(f, simple[i].text);
		return true;
	}
	return false;
}

enum statement_word {
	S_SUBNET,
	S_SUBNET6,
	S_SHARED,
	S_GROUP,
	S_POOL,
	S_POOL6,
	S_HOST,
	S_CLASS,
	S_SUBCLASS,
	S_RANGE,
	S_RANGE6,
	S_PREFIX6,
	S_OPTION,
	S_HARDWARE,
	S_FIXED,
	S_FIXED6,
	S_IDENTIFIER,
	S_ALLOW,
	S_DENY,
	S_AUTHORITATIVE,
	S_NOT,
	S_MATCH,
	S_INTERFACE,
	S_WORDS
};

static const char *const statement_words[S_WORDS] = {
	"subnet",
	"subnet6",
	"shared-network",
	"group",
	"pool",
	"pool6",
	"host",
	"class",
	"subclass",
	"range",
	"range6",
	"prefix6",
	"option",
	"hardware",
	"fixed-address",
	"fixed-address6",
	"host-identifier",
	"allow",
	"deny",
	"authoritative",
	"not",
	"match",
	"interface",
};

static void statement_block(struct file *f, const struct place *p, enum statement_word w)
{
	switch (w) {
	case S_SUBNET:
	case S_SUBNET6: subnet(f, p, w == S_SUBNET6); break;
	case S_SHARED: {
		struct span link = word(f);
		around(f, p, import_copy(f->site, link));
		break;
	}
	case S_GROUP:
		(void)word(f);
		around(f, p, p->link);
		break;
	case S_POOL:
	case S_POOL6: pool(f, p); break;
	case S_HOST: host(f, p); break;
	case S_CLASS: class(f, p); break;
	default: subclass(f, p);
	}
}

static void statement_line(struct file *f, const struct place *p, enum statement_word w)
{
	switch (w) {
	case S_RANGE:
	case S_RANGE6: range(f, p, w == S_RANGE6); break;
	case S_PREFIX6: prefix6(f, p); break;
	case S_OPTION: option(f, p); break;
	case S_HARDWARE: hardware(f, p); break;
	case S_FIXED:
	case S_FIXED6: fixed_address(f, p); break;
	case S_IDENTIFIER: host_identifier(f, p); break;
	case S_ALLOW:
	case S_DENY: permit(f, p, w == S_ALLOW); break;
	case S_AUTHORITATIVE:
	case S_NOT: authoritative(f, p, w == S_AUTHORITATIVE); break;
	case S_INTERFACE:
		if (p->network)
			text_to(f, &p->network->interface);
		else if (p->around)
			text_to(f, &p->around->interface);
		else
			isc_skip_statement(&f->lexer);
		break;
	default: match(f, p);
	}
}

static void statement(struct file *f, const struct place *p)
{
	uint32_t line = f->lexer.token.line;
	struct span w = f->lexer.token.text;

	if (f->lexer.token.kind != ISC_WORD) {
		if (!isc_is(&f->lexer, ';'))
			import_note(f->site, line, "a statement cannot begin with %.*s", TEXT(w));
		isc_next(&f->lexer);
		return;
	}
	isc_next(&f->lexer);
	if (statement_simple(f, p, w))
		return;
	for (unsigned i = 0; i < S_WORDS; i++) {
		if (!span_equal_nocase(w, span_text(statement_words[i])))
			continue;
		if (i <= S_SUBCLASS)
			statement_block(f, p, (enum statement_word)i);
		else
			statement_line(f, p, (enum statement_word)i);
		return;
	}
	if (span_equal_nocase(w, span_text("include")))
		import_note(f->site, line, "include \"%.*s\": import that file by itself",
			    TEXT(f->lexer.token.text));
	else
		import_note(f->site, line, "%.*s is not carried over", TEXT(w));
	isc_skip_statement(&f->lexer);
}

static void statements(struct file *f, const struct place *p)
{
	while (f->lexer.token.kind != ISC_END && !isc_is(&f->lexer, '}') && !f->site->failed)
		statement(f, p);
}

enum err import_isc_dhcpd(struct span text, struct import_site *s)
{
	if (text.len > IMPORT_FILE_MAX)
		return ERR_LIMIT;
	struct file f = {.site = s, .lexer = isc_lexer_of(text)};
	while (f.lexer.token.kind != ISC_END && !s->failed) {
		statements(&f, &(struct place){.scope = &s->scope});
		if (isc_is(&f.lexer, '}')) {
			import_note(s, f.lexer.token.line, "a } that closes nothing");
			isc_next(&f.lexer);
		}
	}
	import_site_settle(s);
	return s->failed ? ENOMEM : OK;
}
