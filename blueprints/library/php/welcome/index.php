<?php
declare(strict_types=1);
http_response_code(503);
header('Content-Type: text/plain; charset=utf-8');
header('Retry-After: 30');
echo "This PHP cartridge runs, but no application has been put into it.\n";
echo "Give its cluster an artifact in the application's document.\n";
