#include "proto/dhcp6/message.h"

#include "proto/dhcp6/ia.h"

bool dhcp6_option_next(struct reader *r, struct dhcp6_option *ret)
{
	if (reader_left(r) == 0)
		return false;
	uint16_t code = read_u16(r);
	uint16_t len = read_u16(r);
	struct span body = read_span(r, len);
	if (r->bad)
		return false;
	*ret = (struct dhcp6_option){.code = code, .body = body};
	return true;
}

struct span dhcp6_option_find(struct span options, uint16_t code)
{
	struct reader r = reader_of_span(options);
	struct dhcp6_option o;
	while (dhcp6_option_next(&r, &o))
		if (o.code == code)
			return o.body;
	return (struct span){0};
}

bool dhcp6_oro_has(struct span oro, uint16_t code)
{
	struct reader r = reader_of_span(oro);
	while (reader_left(&r) >= 2)
		if (read_u16(&r) == code)
			return true;
	return false;
}

bool dhcp6_item_next(struct reader *r, struct span *ret)
{
	if (reader_left(r) == 0)
		return false;
	uint16_t len = read_u16(r);
	struct span item = read_span(r, len);
	if (r->bad)
		return false;
	*ret = item;
	return true;
}

/* --- the shape of each option --- */

static bool are_items(struct reader r)
{
	struct span item;
	while (dhcp6_item_next(&r, &item))
		;
	return !r.bad;
}

static bool are_options(struct reader r)
{
	struct dhcp6_option o;
	while (dhcp6_option_next(&r, &o))
		;
	return !r.bad;
}

static enum err need(bool right)
{
	return right ? OK : ERR_FORMAT;
}

static bool is_duid(struct span body)
{
	return body.len >= DHCP6_DUID_LEN_MIN && body.len <= DHCP6_DUID_LEN_MAX;
}

/* RFC 8415 21.24 and 21.25: "The valid range is 60 to 86400; a client MUST ignore any other". */
static void note_max_rt(struct reader *r, enum dhcp6_flag flag, struct dhcp6_message *m,
			uint32_t *into)
{
	uint32_t value = read_u32(r);
	if (value >= 60 && value <= 86400)
		*into = value;
	else
		m->present &= ~(uint32_t)flag;
}

/* What holds one number or nothing. */
static enum err note_number(struct reader r, enum dhcp6_flag flag, struct dhcp6_message *m)
{
	switch (flag) {
	case DHCP6_HAS_PREFERENCE: m->preference = read_u8(&r); break;
	case DHCP6_HAS_ELAPSED: m->elapsed_cs = read_u16(&r); break;
	case DHCP6_HAS_RECONF_MSG: m->reconfigure_type = read_u8(&r); break;
	case DHCP6_HAS_REFRESH: m->refresh_s = read_u32(&r); break;
	case DHCP6_HAS_SOL_MAX_RT: note_max_rt(&r, flag, m, &m->sol_max_rt_s); break;
	case DHCP6_HAS_INF_MAX_RT: note_max_rt(&r, flag, m, &m->inf_max_rt_s); break;
	case DHCP6_HAS_STATUS:
		m->status = read_u16(&r);
		m->status_text = read_span(&r, reader_left(&r));
		break;
	default: break; /* rapid commit, reconfigure accept: empty */
	}
	return reader_end(&r);
}

/* What is kept as a view, its shape checked. */
static enum err note_view(struct span body, enum dhcp6_flag flag, struct dhcp6_message *m)
{
	struct reader r = reader_of_span(body);
	switch (flag) {
	case DHCP6_HAS_CLIENTID: m->client_id = body; return need(is_duid(body));
	case DHCP6_HAS_SERVERID: m->server_id = body; return need(is_duid(body));
	case DHCP6_HAS_ORO: m->oro = body; return need(body.len % 2 == 0);
	case DHCP6_HAS_ARCH:
		m->architectures = body;
		return need(body.len >= 2 && body.len % 2 == 0);
	case DHCP6_HAS_UNICAST: m->server_unicast = body; return need(body.len == 16);
	case DHCP6_HAS_AUTH: m->auth = body; return need(body.len >= 11);
	case DHCP6_HAS_FQDN: m->fqdn = body; return need(body.len >= 1);
	case DHCP6_HAS_USER_CLASS:
		m->user_class = body;
		return need(body.len > 0 && are_items(r)); /* RFC 8415 21.15: one or more */
	case DHCP6_HAS_VENDOR_CLASS:
		m->vendor_class = body;
		reader_skip(&r, 4);
		return need(!r.bad && are_items(r));
	case DHCP6_HAS_VENDOR_OPTS:
		m->vendor_opts = body;
		reader_skip(&r, 4);
		return need(!r.bad && are_options(r));
	default: return OK;
	}
}

struct known {
	uint16_t code;
	bool view;
	enum dhcp6_flag flag;
};

static const struct known known[] = {
	{DHCP6_OPT_CLIENTID, true, DHCP6_HAS_CLIENTID},
	{DHCP6_OPT_SERVERID, true, DHCP6_HAS_SERVERID},
	{DHCP6_OPT_ORO, true, DHCP6_HAS_ORO},
	{DHCP6_OPT_PREFERENCE, false, DHCP6_HAS_PREFERENCE},
	{DHCP6_OPT_ELAPSED_TIME, false, DHCP6_HAS_ELAPSED},
	{DHCP6_OPT_RELAY_MSG, true, DHCP6_HAS_RELAY_MSG},
	{DHCP6_OPT_AUTH, true, DHCP6_HAS_AUTH},
	{DHCP6_OPT_UNICAST, true, DHCP6_HAS_UNICAST},
	{DHCP6_OPT_STATUS_CODE, false, DHCP6_HAS_STATUS},
	{DHCP6_OPT_RAPID_COMMIT, false, DHCP6_HAS_RAPID_COMMIT},
	{DHCP6_OPT_USER_CLASS, true, DHCP6_HAS_USER_CLASS},
	{DHCP6_OPT_VENDOR_CLASS, true, DHCP6_HAS_VENDOR_CLASS},
	{DHCP6_OPT_VENDOR_OPTS, true, DHCP6_HAS_VENDOR_OPTS},
	{DHCP6_OPT_INTERFACE_ID, true, DHCP6_HAS_INTERFACE_ID},
	{DHCP6_OPT_RECONF_MSG, false, DHCP6_HAS_RECONF_MSG},
	{DHCP6_OPT_RECONF_ACCEPT, false, DHCP6_HAS_RECONF_ACCEPT},
	{DHCP6_OPT_INFORMATION_REFRESH_TIME, false, DHCP6_HAS_REFRESH},
	{DHCP6_OPT_CLIENT_FQDN, true, DHCP6_HAS_FQDN},
	{DHCP6_OPT_CLIENT_ARCH_TYPE, true, DHCP6_HAS_ARCH},
	{DHCP6_OPT_SOL_MAX_RT, false, DHCP6_HAS_SOL_MAX_RT},
	{DHCP6_OPT_INF_MAX_RT, false, DHCP6_HAS_INF_MAX_RT},
};

static const struct known *known_of(uint16_t code)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].code == code)
			return &known[i];
	return NULL;
}

static enum err note_ia(const struct dhcp6_option *o, struct dhcp6_message *m)
{
	struct dhcp6_ia ia;
	if (m->ias_n == DHCP6_IAS_MAX)
		return ERR_LIMIT;
	TRY(dhcp6_ia_read(o, &ia));
	m->ias[m->ias_n++] = *o;
	return OK;
}

static enum err note(const struct dhcp6_option *o, struct dhcp6_message *m)
{
	if (o->code == DHCP6_OPT_IA_NA || o->code == DHCP6_OPT_IA_TA || o->code == DHCP6_OPT_IA_PD)
		return note_ia(o, m);
	const struct known *k = known_of(o->code);
	/* Of a repeated option the first counts, and the others are not looked into. */
	if (!k || m->present & k->flag)
		return OK;
	m->present |= k->flag;
	return k->view ? note_view(o->body, k->flag, m)
		       : note_number(reader_of_span(o->body), k->flag, m);
}

enum err dhcp6_message_read(struct span wire, struct dhcp6_message *ret)
{
	struct dhcp6_message m = {.wire = wire};
	struct reader r = reader_of_span(wire);
	struct dhcp6_option o;
	m.type = read_u8(&r);
	m.transaction_id = (uint32_t)read_u8(&r) << 16;
	m.transaction_id |= read_u16(&r);
	TRY(reader_check(&r));
	if (m.type < DHCP6_SOLICIT || m.type > DHCP6_INFORMATION_REQUEST)
		return ERR_UNSUPPORTED;
	m.options = span_sub(wire, r.pos, reader_left(&r));
	for (unsigned n = 0; dhcp6_option_next(&r, &o); n++) {
		if (n == DHCP6_OPTIONS_MAX)
			return ERR_LIMIT;
		TRY(note(&o, &m));
	}
	TRY(reader_end(&r));
	*ret = m;
	return OK;
}

/* --- writing --- */

void dhcp6_write_header(struct writer *w, uint8_t type, uint32_t transaction_id)
{
	write_u32(w, (uint32_t)type << 24 | (transaction_id & 0xffffff));
}

void dhcp6_write_option(struct writer *w, uint16_t code, struct span body)
{
	if (body.len > UINT16_MAX)
		w->bad = true;
	write_u16(w, code);
	write_u16(w, (uint16_t)body.len);
	write_span(w, body);
}

void dhcp6_write_option_u8(struct writer *w, uint16_t code, uint8_t value)
{
	write_u16(w, code);
	write_u16(w, 1);
	write_u8(w, value);
}

void dhcp6_write_option_u16(struct writer *w, uint16_t code, uint16_t value)
{
	write_u16(w, code);
	write_u16(w, 2);
	write_u16(w, value);
}

void dhcp6_write_option_u32(struct writer *w, uint16_t code, uint32_t value)
{
	write_u16(w, code);
	write_u16(w, 4);
	write_u32(w, value);
}

size_t dhcp6_option_begin(struct writer *w, uint16_t code)
{
	write_u16(w, code);
	return writer_reserve(w, 2);
}

void dhcp6_option_end(struct writer *w, size_t at)
{
	writer_fill_u16(w, at);
}

void dhcp6_write_status(struct writer *w, uint16_t status, const char *text)
{
	size_t at = dhcp6_option_begin(w, DHCP6_OPT_STATUS_CODE);
	write_u16(w, status);
	write_text(w, text);
	dhcp6_option_end(w, at);
}
