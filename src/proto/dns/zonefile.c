#include "proto/dns/zonefile.h"

#include "proto/dns/code.h"
#include "proto/dns/rdata.h"
#include "proto/dns/zonefile_generate.h"

#define FOUND_MAX 48 /* bytes of an offending word that a message repeats */

void dns_zonefile_init(struct dns_zonefile *z, struct span text, const struct dns_name *origin,
		       void *scratch, size_t scratch_len)
{
	dns_text_init(&z->lexer, text);
	z->scratch = writer_of(scratch, scratch_len);
	z->origin = *origin;
	z->has_owner = z->has_ttl = z->has_default_ttl = false;
	z->owner_is_new = z->owner_is_bad = false;
	z->class = DNS_CLASS_IN;
	z->ttl_s = z->default_ttl_s = 0;
	z->last_owner_text = (struct span){0};
	z->generate.active = false;
}

void dns_zonefile_init_nested(struct dns_zonefile *z, const struct dns_zonefile *parent,
			      struct span text, const struct dns_name *origin)
{
	dns_zonefile_init(z, text, origin, parent->scratch.data, parent->scratch.cap);
	z->class = parent->class;
	dns_zonefile_leave_nested(z, parent);
}

void dns_zonefile_leave_nested(struct dns_zonefile *parent, const struct dns_zonefile *nested)
{
	parent->has_ttl = nested->has_ttl;
	parent->ttl_s = nested->ttl_s;
	parent->has_default_ttl = nested->has_default_ttl;
	parent->default_ttl_s = nested->default_ttl_s;
}

/* --- errors -------------------------------------------------------------------------------- */

static void write_found(struct span found, struct writer *w)
{
	write_text(w, ", found \"");
	for (size_t i = 0; i < found.len && i < FOUND_MAX; i++) {
		uint8_t c = found.data[i];
		write_u8(w, c >= 0x20 && c < 0x7f ? c : '?');
	}
	write_text(w, found.len > FOUND_MAX ? "...\"" : "\"");
}

/* The message of an error. type: 0, or of the record that has it. */
static const char *compose(struct dns_zonefile *z, const struct dns_text_error *e, uint16_t type)
{
	struct writer w = writer_of(z->message, sizeof(z->message) - 1);
	if (type) {
		dns_type_write(type, &w);
		write_text(&w, ": ");
	}
	write_text(&w, "expected ");
	write_text(&w, e->expected);
	if (e->found.len)
		write_found(e->found, &w);
	z->message[w.pos] = 0;
	return z->message;
}

static enum dns_zonefile_result give_error(struct dns_zonefile *z, uint16_t type,
					   struct dns_zonefile_record *ret)
{
	struct dns_text_error e = z->lexer.error;
	ret->line = e.line;
	ret->column = e.column;
	ret->message = compose(z, &e, type);
	dns_text_skip_entry(&z->lexer);
	return DNS_ZONEFILE_ERROR;
}

/* --- entries -------------------------------------------------------------------------------- */

/* What one entry turned out to be. */
enum entry { ENTRY_NOTHING, ENTRY_RECORD, ENTRY_INCLUDE, ENTRY_GENERATE };

static enum err read_end(struct dns_zonefile *z)
{
	enum dns_token token = dns_text_next(&z->lexer);
	if (token == DNS_TOKEN_NEWLINE || token == DNS_TOKEN_END)
		return OK;
	/* A line that begins at its very start, inside of parentheses and where nothing more is
	 * due: the next entry, and the parenthesis was forgotten. */
	if (token == DNS_TOKEN_WORD && z->lexer.parens && z->lexer.column == 1)
		return dns_text_break_entry(&z->lexer);
	return dns_text_fail(&z->lexer, "the end of the entry");
}

/* Another owner is about to be read: bad until it is. */
static void begin_owner(struct dns_zonefile *z)
{
	z->has_owner = z->owner_is_new = z->owner_is_bad = true;
	z->last_owner_text = (struct span){0};
}

/* owner_case is read. */
static void finish_owner(struct dns_zonefile *z)
{
	dns_octets_lower(z->owner.wire, z->owner_case.wire, z->owner_case.len);
	z->owner.len = z->owner_case.len;
	z->owner_is_bad = false;
}

/* The current token as an owner. */
static enum err read_owner(struct dns_zonefile *z)
{
	struct dns_text_lexer *l = &z->lexer;
	if (z->has_owner && span_equal(l->text, z->last_owner_text))
		return OK;
	begin_owner(z);
	TRY(dns_text_name(l, &z->origin, &z->owner_case));
	finish_owner(z);
	z->last_owner_text = l->text;
	return OK;
}

static bool is_in(struct span word)
{
	return word.len == 2 && (word.data[0] | 0x20) == 'i' && (word.data[1] | 0x20) == 'n';
}

static enum err read_ttl(struct dns_text_lexer *l, struct span word, uint32_t *ret)
{
	if (!dns_text_period(word, DNS_ZONEFILE_TTL_MAX, ret))
		return dns_text_fail(l, "a TTL from 0 to 2147483647, as 3600 or 1h30m");
	return OK;
}

/* The fields before the rdata; TTL and class in either order, RFC 1035 5.1. */
static enum err read_head(struct dns_zonefile *z, uint16_t *ret_type)
{
	struct dns_text_lexer *l = &z->lexer;
	bool ttl = false, class = false;
	for (;;) {
		static const char *const expected[2][2] = {
			{"a TTL, a class or a record type", "a TTL or a record type"},
			{"a class or a record type", "a record type"}};
		struct span word;
		uint16_t number;
		TRY(dns_text_word(l, expected[ttl][class], &word));
		if (!ttl && word.data[0] >= '0' && word.data[0] <= '9') {
			TRY(read_ttl(l, word, &z->ttl_s));
			ttl = z->has_ttl = true;
		} else if (!class && is_in(word)) {
			z->class = DNS_CLASS_IN;
			class = true;
		} else if (dns_type_from_text(word, &number)) {
			if (dns_type_flags(number) & DNS_TYPE_META)
				return dns_text_fail(l, "a type that a zone can hold");
			*ret_type = number;
			break;
		} else if (!class && dns_class_from_text(word, &number) == OK) {
			z->class = number;
			class = true;
		} else {
			return dns_text_fail(l, expected[ttl][class]);
		}
	}
	/* RFC 2308 4: $TTL is for the records that state none. */
	if (!ttl && z->has_default_ttl)
		z->ttl_s = z->default_ttl_s;
	return OK;
}

/* A TTL was stated, here or before, or the record is a SOA that gives its own. */
static enum err find_ttl(struct dns_zonefile *z, uint16_t type, struct dns_text_error at)
{
	struct dns_soa soa;
	if (z->has_ttl || z->has_default_ttl)
		return OK;
	if (type != DNS_TYPE_SOA || dns_rdata_soa(writer_span(&z->scratch), &soa))
		return dns_text_fail_here(
			&z->lexer, at, "a TTL before the type, or $TTL above: none is stated yet");
	z->ttl_s = soa.minimum_s < DNS_ZONEFILE_TTL_MAX ? soa.minimum_s : DNS_ZONEFILE_TTL_MAX;
	z->has_ttl = true;
	return OK;
}

static enum err read_record(struct dns_zonefile *z, uint16_t *ret_type)
{
	struct dns_text_lexer *l = &z->lexer;
	TRY(read_head(z, ret_type));
	struct dns_text_error at = {0};
	if (__builtin_expect(!z->has_ttl && !z->has_default_ttl, 0))
		at = dns_text_here(l);
	writer_rewind(&z->scratch, 0);
	TRY(dns_rdata_from_text(*ret_type, l, &z->origin, &z->scratch));
	TRY(read_end(z));
	return find_ttl(z, *ret_type, at);
}

static enum err read_origin(struct dns_zonefile *z, struct dns_name *ret)
{
	struct span word;
	struct dns_name name;
	TRY(dns_text_word(&z->lexer, "a domain name", &word));
	TRY(dns_text_name(&z->lexer, &z->origin, &name));
	*ret = name;
	return OK;
}

static enum err read_include(struct dns_zonefile *z, struct dns_zonefile_record *ret)
{
	struct dns_text_lexer *l = &z->lexer;
	struct span path;
	TRY(dns_text_string(l, "the name of a file", &path));
	struct writer w = writer_of(z->text, sizeof(z->text));
	if (!dns_text_unescape_all(path, &w) || w.bad || w.pos == 0 || memchr(z->text, 0, w.pos))
		return dns_text_fail(l, "the name of a file");
	z->include_origin = z->origin;
	if (dns_text_more(l))
		TRY(read_origin(z, &z->include_origin));
	ret->path = writer_span(&w);
	ret->origin = &z->include_origin;
	/* The caller's last owner will be of the included file. */
	z->owner_is_new = true;
	return read_end(z);
}

/* The rest of the entry as it stands in the file; of one quoted word, what is in the quotes. */
static enum err read_template(struct dns_zonefile *z, struct span *ret)
{
	struct dns_text_lexer *l = &z->lexer;
	struct dns_zonefile_generate *g = &z->generate;
	struct span first, word;
	TRY(dns_text_string(l, "the rdata", &first));
	bool quoted = l->token == DNS_TOKEN_QUOTED;
	g->right_at = dns_text_here(l);
	*ret = first;
	while (dns_text_more(l)) {
		TRY(dns_text_string(l, "the rdata", &word));
		if (l->line != g->right_at.line)
			return dns_text_fail(l, "the rdata on one line");
		size_t start = (size_t)(first.data - l->data) - quoted;
		*ret = span_of(l->data + start, l->pos - start);
	}
	return read_end(z);
}

/* $GENERATE start-stop[/step] owner [ttl] [class] type rdata */
static enum err read_generate(struct dns_zonefile *z)
{
	struct dns_text_lexer *l = &z->lexer;
	struct dns_zonefile_generate *g = &z->generate;
	struct span range;
	g->line = l->line;
	g->column = l->column;
	TRY(dns_text_word(l, "a range, as 1-100 or 0-100/2", &range));
	if (!dns_generate_range(range, &g->at, &g->stop, &g->step))
		return dns_text_fail(l, "a range, as 1-100 or 0-100/2");
	if ((g->stop - g->at) / g->step >= DNS_ZONEFILE_GENERATE_MAX)
		return dns_text_fail(l, "a range of at most 1048576 records");
	TRY(dns_text_word(l, "an owner", &g->left));
	g->left_at = dns_text_here(l);
	TRY(read_head(z, &g->type));
	struct dns_text_error type_at = dns_text_here(l);
	writer_rewind(&z->scratch, 0);
	TRY(read_template(z, &g->right));
	TRY(find_ttl(z, DNS_TYPE_A, type_at));
	g->class = z->class;
	g->ttl_s = z->ttl_s;
	g->active = true;
	return OK;
}

static enum err read_directive(struct dns_zonefile *z, struct dns_zonefile_record *ret,
			       enum entry *ret_entry)
{
	struct dns_text_lexer *l = &z->lexer;
	struct span name = l->text, word;
	if (span_equal_nocase(name, span_text("$ORIGIN"))) {
		TRY(read_origin(z, &z->origin));
		z->last_owner_text = (struct span){0}; /* may now mean another name */
		return read_end(z);
	}
	if (span_equal_nocase(name, span_text("$TTL"))) {
		TRY(dns_text_word(l, "a TTL", &word));
		TRY(read_ttl(l, word, &z->default_ttl_s));
		z->has_default_ttl = true;
		return read_end(z);
	}
	if (span_equal_nocase(name, span_text("$INCLUDE"))) {
		*ret_entry = ENTRY_INCLUDE;
		return read_include(z, ret);
	}
	if (span_equal_nocase(name, span_text("$GENERATE"))) {
		*ret_entry = ENTRY_GENERATE;
		return read_generate(z);
	}
	return dns_text_fail(l, "$ORIGIN, $TTL, $INCLUDE, $GENERATE, or an owner");
}

/* One entry from its first token on. ret_type: of the record, as soon as it is known. */
static enum err read_entry(struct dns_zonefile *z, enum dns_token token,
			   struct dns_zonefile_record *ret, uint16_t *ret_type,
			   enum entry *ret_entry)
{
	struct dns_text_lexer *l = &z->lexer;
	*ret_entry = ENTRY_NOTHING;
	if (token == DNS_TOKEN_WORD && l->text.data[0] == '$')
		return read_directive(z, ret, ret_entry);
	if (token == DNS_TOKEN_BLANK) {
		if (!dns_text_more(l)) /* parentheses around nothing */
			return read_end(z);
		if (!z->has_owner)
			return dns_text_fail(l,
					     "an owner at the start of the line: none came before");
	} else if (token == DNS_TOKEN_WORD) {
		TRY(read_owner(z));
	} else {
		return dns_text_fail(l, "an owner");
	}
	TRY(read_record(z, ret_type));
	*ret_entry = z->owner_is_bad ? ENTRY_NOTHING : ENTRY_RECORD;
	return OK;
}

static enum dns_zonefile_result give_record(struct dns_zonefile *z, uint16_t type, uint32_t ttl_s,
					    struct dns_zonefile_record *ret)
{
	ret->owner = &z->owner;
	ret->owner_case = &z->owner_case;
	ret->owner_same = !z->owner_is_new;
	ret->type = type;
	ret->class = z->class;
	ret->ttl_s = ttl_s;
	ret->rdata = writer_span(&z->scratch);
	z->owner_is_new = false;
	return DNS_ZONEFILE_RECORD;
}

/* --- $GENERATE ------------------------------------------------------------------------------ */

/* A template as text for a lexer of its own. */
static enum err expand(struct dns_zonefile *z, struct span template, struct dns_text_error at,
		       struct dns_text_lexer *ret)
{
	struct writer w = writer_of(z->text, sizeof(z->text));
	if (!dns_generate_expand(template, z->generate.at, &w))
		return dns_text_fail_here(&z->lexer, at,
					  "$, or ${offset,width,base} that is not below 0");
	if (w.bad)
		return dns_text_fail_here(&z->lexer, at, "less text");
	dns_text_init(ret, writer_span(&w));
	return OK;
}

/* An error in expanded text is one at its template. */
static enum err fail_expanded(struct dns_zonefile *z, const struct dns_text_lexer *l,
			      struct dns_text_error at)
{
	at.found = l->error.found;
	return dns_text_fail_here(&z->lexer, at, l->error.expected);
}

static enum err generate_owner(struct dns_zonefile *z)
{
	struct dns_text_lexer l;
	TRY(expand(z, z->generate.left, z->generate.left_at, &l));
	begin_owner(z);
	enum err e = OK;
	if (dns_text_next(&l) != DNS_TOKEN_WORD || l.text.len != l.len)
		e = dns_text_fail(&l, "an owner");
	if (e == OK)
		e = dns_text_name(&l, &z->origin, &z->owner_case);
	if (e)
		return fail_expanded(z, &l, z->generate.left_at);
	finish_owner(z);
	return OK;
}

static enum err generate_rdata(struct dns_zonefile *z)
{
	struct dns_text_lexer l;
	TRY(expand(z, z->generate.right, z->generate.right_at, &l));
	writer_rewind(&z->scratch, 0);
	enum err e = dns_rdata_from_text(z->generate.type, &l, &z->origin, &z->scratch);
	if (e == OK && dns_text_next(&l) != DNS_TOKEN_END)
		e = dns_text_fail(&l, "the end of the rdata");
	return e ? fail_expanded(z, &l, z->generate.right_at) : OK;
}

static enum dns_zonefile_result generate_next(struct dns_zonefile *z,
					      struct dns_zonefile_record *ret)
{
	struct dns_zonefile_generate *g = &z->generate;
	ret->line = g->line;
	ret->column = g->column;
	enum err e = generate_owner(z);
	if (e == OK)
		e = generate_rdata(z);
	g->active = e == OK && g->stop - g->at >= g->step;
	g->at += g->active ? g->step : 0;
	return e ? give_error(z, g->type, ret) : give_record(z, g->type, g->ttl_s, ret);
}

enum dns_zonefile_result dns_zonefile_next(struct dns_zonefile *z, struct dns_zonefile_record *ret)
{
	for (;;) {
		if (z->generate.active)
			return generate_next(z, ret);
		enum dns_token token = dns_text_next(&z->lexer);
		if (token == DNS_TOKEN_END)
			return DNS_ZONEFILE_END;
		if (token == DNS_TOKEN_NEWLINE)
			continue;
		uint16_t type = 0;
		enum entry entry;
		ret->line = z->lexer.line;
		ret->column = z->lexer.column;
		if (read_entry(z, token, ret, &type, &entry))
			return give_error(z, type, ret);
		if (entry == ENTRY_RECORD)
			return give_record(z, type, z->ttl_s, ret);
		if (entry == ENTRY_INCLUDE)
			return DNS_ZONEFILE_INCLUDE;
	}
}
