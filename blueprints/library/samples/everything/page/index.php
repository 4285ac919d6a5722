<?php
header('Content-Type: application/json');
echo json_encode(['member' => gethostname()]);
