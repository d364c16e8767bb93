/*
 * ChatML as Qwen3 has it, written as a template of our own:
 *
 *   <|im_start|>{role}\n{text}<|im_end|>\n     for each turn, then
 *   <|im_start|>assistant\n
 *
 * and where the model is not to think <think>\n\n</think>\n\n.  There is no system message unless
 * one is given.  Of an earlier turn of the assistant the reasoning is left out; before a last one,
 * which begins the answer, the reasoning is empty, as the makers' template renders it.  Without
 * enable_thinking there is no word of reasoning.
 */
#include "model/chat/chat.h"

const char sc_chatml_template[] =
    "{%- for message in messages %}\n"
    "    {%- set text = message.content %}\n"
    "    {%- set begun = message.role == 'assistant' and loop.last %}\n"
    "    {%- if message.role == 'assistant' and '</think>' in text and not begun %}\n"
    "        {%- set text = text.split('</think>')[-1].lstrip('\\n') %}\n"
    "    {%- endif %}\n"
    "    {{- '<|im_start|>' + message.role + '\\n' }}\n"
    "    {%- if begun and enable_thinking is defined %}\n"
    "        {{- '<think>\\n\\n</think>\\n\\n' }}\n"
    "    {%- endif %}\n"
    "    {{- text + '<|im_end|>\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "    {{- '<|im_start|>assistant\\n' }}\n"
    "    {%- if enable_thinking is defined and enable_thinking is false %}\n"
    "        {{- '<think>\\n\\n</think>\\n\\n' }}\n"
    "    {%- endif %}\n"
    "{%- endif %}\n";
