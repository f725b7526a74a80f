#include "proxy/head.h"

#include "proto/http/token.h"

struct http_field *proxy_head_find(struct proxy_head *head, uint16_t id)
{
	for (size_t i = 0; i < head->fields_n; i++)
		if (head->fields[i].id == id)
			return &head->fields[i];
	return NULL;
}

struct http_field *proxy_head_find_name(struct proxy_head *head, struct span name)
{
	for (size_t i = 0; i < head->fields_n; i++)
		if (span_equal_nocase(head->fields[i].name, name))
			return &head->fields[i];
	return NULL;
}

static enum err add(struct proxy_head *head, uint16_t id, struct span name, struct span value)
{
	if (!http_is_field_value(value))
		return ERR_FORMAT;
	if (head->fields_n == PROXY_FIELDS_MAX)
		return ERR_LIMIT;
	head->fields[head->fields_n++] =
		(struct http_field){.name = name, .value = value, .id = id};
	return OK;
}

enum err proxy_head_add(struct proxy_head *head, struct span name, struct span value)
{
	return http_is_token(name) ? add(head, http_field_id(name), name, value) : ERR_FORMAT;
}

enum err proxy_head_add_known(struct proxy_head *head, uint16_t id, struct span value)
{
	ASSERT(id != HTTP_FIELD_OTHER);
	return add(head, id, http_field_name(id), value);
}

size_t proxy_head_remove(struct proxy_head *head, uint16_t id)
{
	size_t kept = 0, n = head->fields_n;
	for (size_t i = 0; i < n; i++)
		if (head->fields[i].id != id)
			head->fields[kept++] = head->fields[i];
	head->fields_n = (uint16_t)kept;
	return n - kept;
}

size_t proxy_head_remove_name(struct proxy_head *head, struct span name)
{
	size_t kept = 0, n = head->fields_n;
	for (size_t i = 0; i < n; i++)
		if (!span_equal_nocase(head->fields[i].name, name))
			head->fields[kept++] = head->fields[i];
	head->fields_n = (uint16_t)kept;
	return n - kept;
}

enum err proxy_head_set(struct proxy_head *head, struct span name, struct span value)
{
	if (!http_is_token(name) || !http_is_field_value(value))
		return ERR_FORMAT;
	(void)proxy_head_remove_name(head, name);
	return proxy_head_add(head, name, value);
}

enum err proxy_head_set_known(struct proxy_head *head, uint16_t id, struct span value)
{
	if (!http_is_field_value(value))
		return ERR_FORMAT;
	(void)proxy_head_remove(head, id);
	return proxy_head_add_known(head, id, value);
}

void proxy_head_reset(struct proxy_head *head)
{
	head->method = head->scheme = head->authority = head->path = head->protocol = head->reason =
		(struct span){0};
	head->status = 0;
	head->method_id = head->version = head->body = 0;
	head->has_length = head->absolute = head->te_trailers = head->expect_continue = false;
	head->length = 0;
	head->fields_n = 0;
}

uint8_t proxy_method_id(struct span method)
{
	static const char *const names[] = {
		[PROXY_GET] = "GET",	 [PROXY_HEAD] = "HEAD",	    [PROXY_POST] = "POST",
		[PROXY_PUT] = "PUT",	 [PROXY_DELETE] = "DELETE", [PROXY_OPTIONS] = "OPTIONS",
		[PROXY_PATCH] = "PATCH", [PROXY_TRACE] = "TRACE",   [PROXY_CONNECT] = "CONNECT",
	};
	for (uint8_t id = PROXY_GET; id <= PROXY_CONNECT; id++)
		if (span_is(method, names[id]))
			return id;
	return PROXY_METHOD_OTHER;
}

bool proxy_method_is_idempotent(uint8_t method_id)
{
	switch (method_id) {
	case PROXY_GET:
	case PROXY_HEAD:
	case PROXY_PUT:
	case PROXY_DELETE:
	case PROXY_OPTIONS:
	case PROXY_TRACE: return true;
	default: return false;
	}
}

void proxy_head_settle_response(struct proxy_head *head, uint8_t request_method_id)
{
	if (head->status / 100 == 1 || head->status == 204) {
		head->body = PROXY_BODY_NONE;
		head->has_length = false;
	} else if (request_method_id == PROXY_HEAD || head->status == 304) {
		head->body = PROXY_BODY_NONE;
	}
}

bool proxy_field_is_disguised(const struct http_field *f)
{
	enum { KNOWN_MAX = 32 };
	uint8_t plain[KNOWN_MAX];
	if (f->id != HTTP_FIELD_OTHER || f->name.len > KNOWN_MAX ||
	    !memchr(f->name.data, '_', f->name.len))
		return false;
	for (size_t i = 0; i < f->name.len; i++)
		plain[i] = f->name.data[i] == '_' ? '-' : f->name.data[i];
	return http_field_id(span_of(plain, f->name.len)) != HTTP_FIELD_OTHER;
}
