#include "proto/ipfix/message.h"

enum { LENGTH_AT = 2, SET_HEADER_LEN = 4 };

void ipfix_begin(struct ipfix_message *m, void *room, size_t size, uint32_t export_s,
		 uint32_t sequence, uint32_t domain)
{
	ASSERT(size > IPFIX_HEADER_LEN && size <= UINT16_MAX);
	*m = (struct ipfix_message){.w = writer_of(room, size)};
	write_u16(&m->w, IPFIX_VERSION);
	write_u16(&m->w, 0); /* the length, when it is known */
	write_u32(&m->w, export_s);
	write_u32(&m->w, sequence);
	write_u32(&m->w, domain);
}

static void set_close(struct ipfix_message *m)
{
	/* RFC 7011 3.3.2: the length counts the set's header, which begins two octets before it. */
	if (m->set_at)
		put_u16(m->w.data + m->set_at, (uint16_t)(m->w.pos - (m->set_at - 2)));
	m->set_at = 0;
}

static void set_open(struct ipfix_message *m, uint16_t id)
{
	if (m->set_at && m->set_id == id)
		return;
	set_close(m);
	write_u16(&m->w, id);
	m->set_at = writer_reserve(&m->w, 2);
	m->set_id = id;
}

static bool fits(const struct ipfix_message *m, uint16_t id, size_t len)
{
	bool open = m->set_at && m->set_id == id;
	return writer_left(&m->w) >= len + (open ? 0 : SET_HEADER_LEN);
}

bool ipfix_add_template(struct ipfix_message *m, const struct ipfix_template *t)
{
	ASSERT(t->id >= IPFIX_TEMPLATE_MIN && t->fields_n > 0);
	if (!fits(m, IPFIX_SET_TEMPLATE, 4 + 4 * (size_t)t->fields_n))
		return false;
	set_open(m, IPFIX_SET_TEMPLATE);
	write_u16(&m->w, t->id);
	write_u16(&m->w, t->fields_n);
	for (size_t i = 0; i < t->fields_n; i++) {
		/* RFC 7011 3.2: the highest bit would say that an enterprise has defined it. */
		write_u16(&m->w, t->fields[i].element & 0x7fff);
		write_u16(&m->w, t->fields[i].len);
	}
	return true;
}

size_t ipfix_record_len(const struct ipfix_template *t)
{
	size_t len = 0;
	for (size_t i = 0; i < t->fields_n; i++)
		len += t->fields[i].len;
	return len;
}

bool ipfix_add_record(struct ipfix_message *m, const struct ipfix_template *t, struct span record)
{
	ASSERT(record.len == ipfix_record_len(t));
	if (!fits(m, t->id, record.len))
		return false;
	set_open(m, t->id);
	write_span(&m->w, record);
	m->records++;
	return true;
}

struct span ipfix_end(struct ipfix_message *m)
{
	set_close(m);
	put_u16(m->w.data + LENGTH_AT, (uint16_t)m->w.pos);
	return writer_span(&m->w);
}
