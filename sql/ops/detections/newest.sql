SELECT max(detection_id) FROM ops.detections
