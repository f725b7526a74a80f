/* What of a request is written down, as the configuration has it. Knows no file. */
#ifndef REVERSE_PROXY_CONF_LOG_H
#define REVERSE_PROXY_CONF_LOG_H

#include "config/schema.h"
#include "service/reverse-proxy/access_line.h"

enum reverse_log_format { REVERSE_LOG_OFF, REVERSE_LOG_JSON, REVERSE_LOG_COMBINED };

struct reverse_log_conf {
	enum reverse_log_format format;
	enum access_clients clients;
	uint64_t file_size; /* octets; then the next one begins */
	uint32_t files;	    /* kept, with the one being written */
};

extern const struct config_map reverse_log_map;

#endif
