/* What of a request is written down, as the configuration has it. Knows no file. */
#ifndef ACCESS_LOG_CONF_LOG_H
#define ACCESS_LOG_CONF_LOG_H

#include "config/schema.h"
#include "proxy/access-log/access_line.h"

enum access_log_format { ACCESS_LOG_OFF, ACCESS_LOG_JSON, ACCESS_LOG_COMBINED };

struct access_log_conf {
	enum access_log_format format;
	enum access_clients clients;
	uint64_t file_size; /* octets; then the next one begins */
	uint32_t files;	    /* kept, with the one being written */
};

extern const struct config_map access_log_map;

#endif
