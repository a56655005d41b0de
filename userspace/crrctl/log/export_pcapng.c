// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Export as pcapng for Wireshark. Each stream is an interface with the link type
 * RTAC serial (250), whose packets begin with a header of 12 bytes.
 */
#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "log.h"

#define LINKTYPE_RTAC_SERIAL 250

#define BLOCK_SECTION	0x0a0d0d0aU
#define BLOCK_INTERFACE 1U
#define BLOCK_PACKET	6U

/* Codes of options: code, length, value, padded to 4 bytes */
enum {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_RESOLUTION = 9,
	PACKET_FLAGS = 2,
};

#define PACKET_INBOUND	1U
#define PACKET_OUTBOUND 2U

enum rtac_event {
	RTAC_STATUS_CHANGE = 0,
	RTAC_TX = 1,
	RTAC_RX = 2,
};

/* Bits of struct rtac_header.lines */
#define RTAC_CTS 0x01
#define RTAC_DCD 0x02
#define RTAC_DSR 0x04
#define RTAC_RTS 0x08
#define RTAC_DTR 0x10
#define RTAC_RI	 0x20

struct rtac_header {
	uint32_t seconds;
	uint32_t microseconds;
	uint8_t event;
	uint8_t lines;
	uint8_t footer[2];
};

/* The block being made; the largest holds a packet of CRR_READ_MAX bytes. */
static struct block {
	size_t length;
	unsigned char bytes[CRR_READ_MAX + 1024];
} block;

static void put(const void *bytes, size_t length)
{
	/* Options without a value have no bytes. */
	if (length)
		memcpy(block.bytes + block.length, bytes, length);
	block.length += length;
}

static void put32(uint32_t n)
{
	put(&n, sizeof(n));
}

static void pad(void)
{
	while (block.length % 4)
		block.bytes[block.length++] = 0;
}

static void put_option(uint16_t code, const void *value, size_t length)
{
	uint16_t head[] = { code, (uint16_t)length };

	put(head, sizeof(head));
	put(value, length);
	pad();
}

static void begin_block(uint32_t type)
{
	block.length = 0;
	put32(type);
	put32(0);
}

static void end_block(FILE *out)
{
	uint32_t length;

	put_option(OPTION_END, NULL, 0);
	length = (uint32_t)block.length + 4;
	put32(length);
	memcpy(block.bytes + 4, &length, sizeof(length));
	fwrite(block.bytes, 1, block.length, out);
}

static void write_section(FILE *out)
{
	static const uint16_t version[] = { 1, 0 };
	char application[64];

	snprintf(application, sizeof(application), "crrctl %s", crr_version());
	begin_block(BLOCK_SECTION);
	put32(0x1a2b3c4d);
	put(version, sizeof(version));
	put32(UINT32_MAX); /* length of the section: not specified */
	put32(UINT32_MAX);
	put_option(SECTION_APPLICATION, application, strlen(application));
	end_block(out);
}

/* The description distinguishes streams that have the same name. */
static void write_interface(FILE *out, const char *name, unsigned int stream)
{
	static const uint16_t link[] = { LINKTYPE_RTAC_SERIAL, 0 };
	static const uint8_t nanoseconds = 9;
	char description[32];

	begin_block(BLOCK_INTERFACE);
	put(link, sizeof(link));
	put32(0); /* no limit on the length of packets */
	put_option(INTERFACE_NAME, name, strlen(name));
	snprintf(description, sizeof(description), "stream %u", stream);
	put_option(INTERFACE_DESCRIPTION, description, strlen(description));
	put_option(INTERFACE_RESOLUTION, &nanoseconds, 1);
	end_block(out);
}

/**
 * struct packet - a packet to be written
 * @interface: number of the interface
 * @time: nanoseconds since 1970
 * @event: enum rtac_event
 * @lines: RTAC_*
 * @direction: PACKET_*, or 0
 * @data: what follows the header
 * @length: its length in bytes
 * @original: number of bytes on the line
 */
struct packet {
	uint32_t interface;
	uint64_t time;
	uint8_t event;
	uint8_t lines;
	uint32_t direction;
	const void *data;
	uint32_t length;
	uint32_t original;
};

static void write_packet(FILE *out, const struct packet *packet,
			 const struct crr_record *rec)
{
	struct rtac_header header = {
		.seconds = htobe32((uint32_t)(packet->time / 1000000000)),
		.microseconds =
			htobe32((uint32_t)(packet->time / 1000 % 1000000)),
		.event = packet->event,
		.lines = packet->lines,
	};
	char comment[64];

	snprintf(comment, sizeof(comment), "record %" PRIu64 " @%" PRIu64,
		 (uint64_t)rec->sequence, (uint64_t)rec->counter);
	begin_block(BLOCK_PACKET);
	put32(packet->interface);
	put32((uint32_t)(packet->time >> 32));
	put32((uint32_t)packet->time);
	put32((uint32_t)sizeof(header) + packet->length);
	put32((uint32_t)sizeof(header) + packet->original);
	put(&header, sizeof(header));
	put(packet->data, packet->length);
	pad();
	if (packet->direction)
		put_option(PACKET_FLAGS, &packet->direction,
			   sizeof(packet->direction));
	put_option(OPTION_COMMENT, comment, strlen(comment));
	end_block(out);
}

static uint8_t rtac_lines(uint32_t lines)
{
	static const struct {
		uint32_t line;
		uint8_t rtac;
	} all[] = {
		{ TIOCM_CTS, RTAC_CTS }, { TIOCM_CAR, RTAC_DCD },
		{ TIOCM_DSR, RTAC_DSR }, { TIOCM_RTS, RTAC_RTS },
		{ TIOCM_DTR, RTAC_DTR }, { TIOCM_RNG, RTAC_RI },
	};
	uint8_t rtac = 0;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (lines & all[i].line)
			rtac |= all[i].rtac;
	return rtac;
}

/**
 * struct interface - the interface of a stream
 * @known: it is in the file
 * @asked: there was a MODEM record; until then all lines count as off
 * @lines: the last known modem lines: RTAC_*
 * @number: number of the interface
 */
struct interface {
	bool known;
	bool asked;
	uint8_t lines;
	uint32_t number;
};

/* Is the answer to a query different from the last one? */
static bool lines_change(const struct crr_record *rec, struct interface *to)
{
	uint8_t lines = rtac_lines(rec->modem.lines);

	if (rec->modem.error || (to->asked && lines == to->lines))
		return false;
	to->asked = true;
	to->lines = lines;
	return true;
}

/* Make a packet of a record. Returns false if it has no effect on the line. */
static bool describe(const struct crr_record *rec, struct packet *packet,
		     struct interface *interface)
{
	switch (rec->type) {
	case CRR_TYPE_READ:
		packet->event = RTAC_RX;
		packet->direction = PACKET_INBOUND;
		packet->data = rec->data;
		packet->length = rec->data_length;
		packet->original = rec->data_length;
		break;
	case CRR_TYPE_WRITE:
		packet->event = RTAC_TX;
		packet->direction = PACKET_OUTBOUND;
		packet->data = rec->data;
		packet->original = rec->offset;
		/* Without the bytes, only their number is known. */
		if (rec->flags & CRR_FLAG_CAPTURED)
			packet->length = rec->offset;
		if (!rec->offset)
			return false;
		break;
	case CRR_TYPE_MODEM:
		if (!lines_change(rec, interface))
			return false;
		packet->event = RTAC_STATUS_CHANGE;
		break;
	case CRR_TYPE_PEER_CLOSED:
	case CRR_TYPE_HANGUP:
		/* RTAC has no such event: show that the carrier is lost. */
		interface->lines &= (uint8_t)~RTAC_DCD;
		packet->event = RTAC_STATUS_CHANGE;
		break;
	default:
		return false;
	}
	packet->interface = interface->number;
	packet->lines = interface->lines;
	return true;
}

/* A part of a log may lack the STREAM record. */
static void make_interface(FILE *out, const struct crr_record *rec,
			   struct interface *interface, uint32_t number)
{
	char name[CRR_STREAM_NAME_MAX + 1];

	if (rec->type == CRR_TYPE_STREAM)
		snprintf(name, sizeof(name), "%.*s", (int)rec->data_length,
			 (const char *)rec->data);
	else
		snprintf(name, sizeof(name), "stream %u", rec->stream);
	write_interface(out, name, rec->stream);
	interface->known = true;
	interface->number = number;
}

/* See struct export. */
void export_pcapng(struct export *ex)
{
	static struct interface interfaces[CRR_STREAMS_MAX];
	struct interface *interface;
	struct crr_record rec;
	uint32_t n = 0;

	write_section(ex->out);
	while (log_file_next(ex->file, &rec)) {
		struct packet packet = { 0 };

		if (rec.type == CRR_TYPE_END || rec.type & CRR_TYPE_OPTIONAL)
			continue;
		interface = &interfaces[rec.stream];
		if (!interface->known)
			make_interface(ex->out, &rec, interface, n++);
		if (!describe(&rec, &packet, interface))
			continue;
		packet.time = timeline_at(&ex->line, &rec);
		write_packet(ex->out, &packet, &rec);
	}
}
